import type { Connection, ProgressdError, StreamOptions } from './index.js';

/** Whatever object was posted to the user's channel; these are the usual fields. */
export interface Progress {
  completed?: number;
  total?: number;
  status?: string;
  message?: string;
  results?: unknown[];
  successful_files?: number;
  failed_files?: number;
  [field: string]: unknown;
}

export type SseServiceOptions = Omit<StreamOptions, 'onConnection' | 'onError' | 'signal'>;

export class SseService {
  constructor(options?: SseServiceOptions);
  configure(options: SseServiceOptions): void;
  readonly isConnected: boolean;
  connect(userId: string): Promise<void>;
  /** Ends what was registered, too: who connects again registers again before. */
  disconnect(): void;
  /** Each gives the function that takes its callback back. */
  onProgress(callback: (progress: Progress) => void): () => void;
  onError(callback: (error: ProgressdError) => void): () => void;
  onConnection(callback: (connection: Connection) => void): () => void;
  checkProgress(userId: string): Promise<Progress | null>;
  cleanupProgress(userId: string): Promise<{ message: string }>;
}

export const sseService: SseService;

export interface JobStatus {
  jobId: string;
  status: 'pending' | 'active' | 'completed' | 'failed';
  progress: number;
  result?: any;
  failedReason?: string;
  createdAt?: string;
  startedAt?: string;
  completedAt?: string;
}

export interface UseJobSSEOptions {
  jobId: string | null;
  type: 'character' | 'media';
  token?: string;
  /** Where the server is. Default: the page's origin. */
  apiBase?: string;
  onComplete?: (result: any) => void;
  onError?: (error: string) => void;
  onProgress?: (progress: number) => void;
}

export function useJobSSE(options: UseJobSSEOptions): {
  jobStatus: JobStatus | null;
  isConnected: boolean;
  error: string | null;
  progress: number;
  status: JobStatus['status'];
  disconnect(): void;
};

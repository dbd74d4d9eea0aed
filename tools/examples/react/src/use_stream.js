import { useEffect, useRef } from 'react';
import { openStream } from 'progressd-client';

/** Keeps the event stream at `path` open while there is one. `onMessage(value, close)`: its JSON. */
export function useStream(path, { onMessage, onError }) {
  const callbacks = useRef({ onMessage, onError });
  callbacks.current = { onMessage, onError };
  useEffect(() => {
    if (!path) return undefined;
    const stream = openStream(path, {
      onEvent: ({ data }) => callbacks.current.onMessage(JSON.parse(data), () => stream.close()),
      onError: (error) => callbacks.current.onError(error),
    });
    return () => stream.close();
  }, [path]);
}

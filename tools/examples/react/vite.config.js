import { defineConfig } from 'vite';

// While developing, whatever is not the page's own goes to progressd.
const server = process.env.PROGRESSD_URL ?? 'http://127.0.0.1:8080';
const paths = '^/(v1|api|create_job|client_status|start-task|task-progress|events)([/?]|$)';

export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic' },
  server: { proxy: { [paths]: server }, fs: { allow: ['.', '../../clients/js'] } },
  // The library stands beside this folder: it shall use this folder's React, and not be bundled in
  // advance, which would lose its worker.
  resolve: { dedupe: ['react'] },
  optimizeDeps: {
    exclude: ['progressd-client'],
    include: ['react', 'react/jsx-dev-runtime', 'react-dom/client'],  // at once: found later they are a second React
  },
  worker: { format: 'es' },
});

export { followJob, followMine, openStream } from './follow.js';
export { ProgressdError } from './problem.js';
export { cancelJob, createJob, getJob, request } from './requests.js';

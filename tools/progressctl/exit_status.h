// What progressctl's exit status says. --help lists the same.
#pragma once

namespace progressd::ctl {

inline constexpr int kExitOk = 0;         // done; of a job: completed
inline constexpr int kExitFailed = 1;     // of a job: failed; of a token: not accepted
inline constexpr int kExitUsage = 2;      // a flag or an argument is wrong
inline constexpr int kExitCancelled = 3;  // of a job: cancelled
inline constexpr int kExitServer = 4;     // no server answers, or it says no; a file can't be had
inline constexpr int kExitSignal = 128;   // and the signal's number: Ctrl-C is 130

}  // namespace progressd::ctl

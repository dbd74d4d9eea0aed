// What a service manager (systemd) passes and wants to hear: listening sockets that it keeps open
// while the program restarts, so that nobody is refused meanwhile; and when the program is ready,
// and when it ends. Both are a few lines of protocol, so no library is needed. Source:
// sd_listen_fds(3), sd_notify(3).
#pragma once

#include <string_view>
#include <vector>

namespace progressd {

/// Descriptors of sockets that are meant for this process; none when it was started otherwise.
std::vector<int> passed_sockets();

/// `state`: `READY=1`, `STOPPING=1`. Nothing happens when nobody wants to hear it.
void notify_service_manager(std::string_view state);

}  // namespace progressd

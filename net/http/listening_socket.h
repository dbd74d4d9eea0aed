// Addresses to listen on, and the sockets that do. Two processes may listen on one address beside
// each other, so that a new one takes over from an old one and nobody is refused:
//
//   old   listens                         │ accepts who waits, closes
//   new             listens: from here on │ all who connect wait for it, or are accepted by it
//
// Source: socket(7), SO_REUSEPORT and SO_ATTACH_REUSEPORT_CBPF.
#pragma once

#include <string>

#include "core/base/result.h"

namespace progressd {

/// A descriptor that listens on `address` (`127.0.0.1:8080`, `[::1]:0`), non-blocking.
/// `reuse_port`: beside another process that listens so, of the same user; it gets no new
/// connections from here on.
/// Errors: kInvalid, for what is no address; kOverloaded, for what can't be bound.
Result<int> open_listener(const std::string& address, bool reuse_port);

/// Where a socket listens, as listen() would have it.
/// Errors: kInvalid, for what does not listen for TCP.
Result<std::string> address_of_listener(int fd);

/// Whether only this machine can reach the address.
/// Errors: kInvalid, for what is no address.
Result<bool> is_loopback(const std::string& address);

}  // namespace progressd

#include "net/http/connection.h"

#include "core/base/ensure.h"

namespace progressd {

// A line of the cache, and an idle stream's memory: one more byte would take 64.
static_assert(sizeof(Connection) == 64);

void ConnectionTable::close_all() {
  for (std::uint32_t slot = 0; slot < used_; ++slot) close(slot);
  reap();
}

ConnectionId ConnectionTable::open(int fd) {
  std::uint32_t slot = used_;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    if (used_ % kChunk == 0) chunks_.push_back(std::make_unique<Connection[]>(kChunk));
    ++used_;
  }
  Connection& connection = at(slot);
  ENSURE(connection.state == Connection::State::kFree);
  connection.fd = fd;
  connection.state = Connection::State::kHttp;
  ++open_;
  return id_of(slot);
}

Connection* ConnectionTable::find(ConnectionId id) {
  const std::uint32_t slot = slot_of(id);
  if (slot >= used_) return nullptr;
  Connection& connection = at(slot);
  const bool gone = connection.state == Connection::State::kFree ||
                    connection.state == Connection::State::kClosing ||
                    connection.generation != static_cast<std::uint32_t>(id >> 32);
  return gone ? nullptr : &connection;
}

void ConnectionTable::close(std::uint32_t slot) {
  Connection& connection = at(slot);
  if (connection.state == Connection::State::kFree ||
      connection.state == Connection::State::kClosing) {
    return;
  }
  connection.state = Connection::State::kClosing;
  io_.close(connection.fd);
  closing_.push_back(slot);
}

void ConnectionTable::reap() {
  for (std::size_t i = 0; i < closing_.size(); ++i) {  // on_closed_ may close others
    const std::uint32_t slot = closing_[i];
    Connection& connection = at(slot);
    on_closed_(slot, connection);
    const std::uint32_t next_generation = (connection.generation + 1) & kGenerationMask;
    connection = Connection();
    connection.generation = next_generation;
    free_.push_back(slot);
    --open_;
  }
  closing_.clear();
}

}  // namespace progressd

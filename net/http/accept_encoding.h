// Which coding a response may have, as its client asks for it.
// Source: RFC 9110, sections 12.4.2 (weights), 12.5.1 (Accept) and 12.5.3 (Accept-Encoding).
#pragma once

#include <string_view>

#include "net/http/request.h"

namespace progressd {

/// Whether the stream that is asked for should come compressed.
bool wants_compressed_stream(const Request& request);

/// Whether to answer with gzip: the client names it, or `*`, and likes it no less than no coding at
/// all. `accept_encoding`: of all lines of the field, joined by commas; empty: it was not sent, or
/// takes nothing.
bool prefers_gzip(std::string_view accept_encoding);

/// Whether the client names text/event-stream, as every EventSource does, and not only takes all
/// types. Who names it reads event streams line by line. Others, fetch() in Node for one, may ask
/// for gzip without their program's knowing, which takes each chunk for whole lines; and a decoder
/// cuts where its own buffer ends. `accept`: of all lines of the field, joined by commas.
bool names_event_streams(std::string_view accept);

}  // namespace progressd

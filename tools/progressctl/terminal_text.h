// Text on its way to a terminal. What comes from a server is foreign bytes: a job's message may
// hold escape sequences that would move the cursor, change the title or worse. It passes through
// printable(), and what is measured and cut is what came out of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace progressd::ctl {

/// Whether the locale's encoding is UTF-8, so that more than ASCII can be shown. main() has called
/// setlocale().
bool is_utf8_terminal();

/// `text` on one line: what is no character, controls a terminal, changes the direction of text or
/// can't be shown in the locale is written as `\x1b` or `\u{202e}`, in ASCII.
std::string printable(std::string_view text);

/// The columns that printable text takes on a terminal.
std::size_t columns_of(std::string_view printable_text);

/// Printable text in exactly `columns`: filled up with spaces, or cut with a mark at its end.
std::string fitted(std::string_view printable_text, std::size_t columns);
/// The same, never filled up.
std::string cut(std::string_view printable_text, std::size_t columns);

}  // namespace progressd::ctl

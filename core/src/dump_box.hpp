// The box of a frame (private to the core).
#pragma once

#include "ufp/dump_reader.hpp"

namespace ufp
{

// Reads the three lines of a box at `text`. Returns nullptr, or the line that is not as `style` (the words behind
// ITEM: BOX BOUNDS) says.
const char *parse_box(const std::string &style, const char *text, const char *end, DumpBox &box);

}  // namespace ufp

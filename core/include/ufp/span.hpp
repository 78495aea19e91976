// A stretch of an array.
#pragma once

#include <cstddef>

namespace ufp
{

struct Span {
  std::size_t begin, end;
};

}  // namespace ufp

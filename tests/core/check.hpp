// The few assertions the core's tests need.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                     \
      std::exit(1);                                                                                                    \
    }                                                                                                                  \
  } while (false)

#define CHECK_CLOSE(found, expected, tolerance)                                                                        \
  do {                                                                                                                 \
    const double found_ = (found), expected_ = (expected);                                                             \
    if (!(std::fabs(found_ - expected_) <= (tolerance))) {                                                             \
      std::fprintf(stderr, "%s:%d: %s = %.17g, expected %.17g\n", __FILE__, __LINE__, #found, found_, expected_);      \
      std::exit(1);                                                                                                    \
    }                                                                                                                  \
  } while (false)

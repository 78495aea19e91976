// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "pair_kernel.hpp"

#include <cmath>

namespace ufp
{

namespace
{

constexpr std::size_t BUFFER = 512;

// Counts the squared distances of the buffer that are inside: gathered without a branch, then rooted and added.
void flush(double *square, std::size_t n, const PairCount &call) noexcept
{
  const double limit = static_cast<double>(call.bins) / call.per_width, below = limit * limit * (1.0 + 1e-12);
  std::size_t inside = 0;
  for (std::size_t s = 0; s < n; ++s) {
    const double found = square[s];
    square[inside] = found;
    inside += found < below ? 1 : 0;
  }
  int bin[BUFFER];
  for (std::size_t s = 0; s < inside; ++s) bin[s] = static_cast<int>(std::sqrt(square[s]) * call.per_width);
  for (std::size_t s = 0; s < inside; ++s)
    if (bin[s] < call.bins) ++call.counts[bin[s]];
}

}  // namespace

// Ranges are short: each is computed in whole vectors, and what these compute beyond its end is overwritten by the
// next.
void UFP_KERNEL(const PairCount &call) noexcept
{
  double square[BUFFER + PAIR_PADDING];
  std::size_t filled = 0;
  const double x0 = call.at[0], y0 = call.at[1], z0 = call.at[2];
  for (std::size_t k = 0; k < call.n_ranges; ++k) {
    std::size_t s = call.ranges[2 * k];
    const std::size_t end = call.ranges[2 * k + 1];
    while (s < end) {
      if (filled == BUFFER) {
        flush(square, filled, call);
        filled = 0;
      }
      const double *x = call.x + s, *y = call.y + s, *z = call.z + s;
      double *out = square + filled;
      for (std::size_t v = 0; v < PAIR_PADDING; ++v) {
        const double dx = x[v] - x0, dy = y[v] - y0, dz = z[v] - z0;
        out[v] = dx * dx + dy * dy + dz * dz;
      }
      std::size_t whole = end - s < PAIR_PADDING ? end - s : PAIR_PADDING;
      if (whole > BUFFER - filled) whole = BUFFER - filled;
      filled += whole;
      s += whole;
    }
  }
  flush(square, filled, call);
}

}  // namespace ufp

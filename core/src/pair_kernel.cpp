// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "pair_kernel.hpp"

namespace ufp
{

void UFP_KERNEL(const PairCount &call) noexcept
{
  DistanceCounter counter(call.to);
  const double x0 = call.at[0], y0 = call.at[1], z0 = call.at[2];
  for (std::size_t k = 0; k < call.n_ranges; ++k) {
    const std::size_t end = call.ranges[2 * k + 1];
    for (std::size_t s = call.ranges[2 * k]; s < end; s += PAIR_PADDING) {
      const double *x = call.x + s, *y = call.y + s, *z = call.z + s;
      double square[PAIR_PADDING];
      for (std::size_t v = 0; v < PAIR_PADDING; ++v) {
        const double dx = x[v] - x0, dy = y[v] - y0, dz = z[v] - z0;
        square[v] = dx * dx + dy * dy + dz * dz;
      }
      counter.add(square, end - s);
    }
  }
}

}  // namespace ufp

// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "pair_kernel.hpp"

namespace ufp
{

void UFP_KERNEL(const NearestCount &call) noexcept
{
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to the nearest integer
  DistanceCounter counter(call.to);
  const double *cell = call.cell, *at = call.at;
  for (std::size_t s = call.first; s < call.last; s += PAIR_PADDING) {
    const double *p = call.f[0] + s, *q = call.f[1] + s, *r = call.f[2] + s;
    double square[PAIR_PADDING];
    for (std::size_t v = 0; v < PAIR_PADDING; ++v) {
      double a = p[v] - at[0], b = q[v] - at[1], c = r[v] - at[2];
      a -= (a + shift) - shift;
      b -= (b + shift) - shift;
      c -= (c + shift) - shift;
      const double dx = a * cell[0] + b * cell[3] + c * cell[6];
      const double dy = a * cell[1] + b * cell[4] + c * cell[7];
      const double dz = a * cell[2] + b * cell[5] + c * cell[8];
      square[v] = dx * dx + dy * dy + dz * dz;
    }
    counter.add(square, call.last - s);
  }
}

}  // namespace ufp

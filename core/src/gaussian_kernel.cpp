// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "gaussian_kernel.hpp"

#include <cstdint>
#include <cstring>

namespace ufp
{
namespace
{

// e^y for y <= 0, 2e-16 relative: y = n ln 2 + r with |r| <= ½ ln 2, and the Taylor series of e^r. Below -700 it is
// e^-700, nothing beside the rest.
inline double exponential(double y)
{
  constexpr double shift = 6755399441055744.0;  // 1.5 · 2^52: its sum with a number has that number's integer last
  y = y < -700.0 ? -700.0 : y;
  const double shifted = y * 1.44269504088896340736 + shift;
  const double n = shifted - shift;
  const double r = (y - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double series = 1.0 / 6227020800;
  constexpr double inverse_factorial[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  for (double c : inverse_factorial) series = series * r + c;
  std::uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, sizeof power);
  return series * power;
}

}  // namespace

void UFP_KERNEL(const GaussianCall &call) noexcept
{
  const std::size_t count = call.count;
  double *__restrict out = call.out;
  for (std::size_t m = 0; m < count; ++m) out[m] = 0;
  for (std::size_t d = 0; d < call.dimensions; ++d) {
    const double *__restrict point = call.points + d * call.stride;
    const double x = call.x[d];
    for (std::size_t m = 0; m < count; ++m) {
      const double difference = x - point[m];
      out[m] -= 0.5 * difference * difference;
    }
  }
  for (std::size_t m = 0; m < count; ++m) out[m] = call.weight * exponential(out[m]);
}

}  // namespace ufp

#include "ufp/displacements.hpp"

namespace ufp
{

void displacement_sums(const double *series, std::size_t n_frames, std::size_t lag, std::size_t first, std::size_t last,
                       double *sums) noexcept
{
  const double *x = series, *y = series + n_frames, *z = series + 2 * n_frames;
  // four partial sums per product, in a fixed order, so that the compiler may use vector registers
  constexpr std::size_t lanes = 4;
  double partial[6][lanes] = {};
  std::size_t t = first;
  const auto add = [&](std::size_t origin, std::size_t lane) {
    const double dx = x[origin + lag] - x[origin];
    const double dy = y[origin + lag] - y[origin];
    const double dz = z[origin + lag] - z[origin];
    partial[0][lane] += dx * dx;
    partial[1][lane] += dy * dy;
    partial[2][lane] += dz * dz;
    partial[3][lane] += dx * dy;
    partial[4][lane] += dx * dz;
    partial[5][lane] += dy * dz;
  };
  for (; t + lanes <= last; t += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) add(t + lane, lane);
  for (; t < last; ++t) add(t, 0);
  for (std::size_t k = 0; k < 6; ++k) sums[k] += (partial[k][0] + partial[k][1]) + (partial[k][2] + partial[k][3]);
}

}  // namespace ufp

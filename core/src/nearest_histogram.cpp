#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "pair_kernel.hpp"
#include "ufp/error.hpp"
#include "ufp/pair_histogram.hpp"
#include "ufp/simd.hpp"

namespace ufp
{

namespace
{

constexpr double PI = 3.14159265358979323846;
constexpr double LEAST_SHARE = 0.1;  // of the cell inside the sphere; below, most nearest images are looked at in vain

using NearestKernel = void (*)(const NearestCount &) noexcept;

NearestKernel nearest_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return nearest_kernel_avx512;
  case Simd::avx2:
    return nearest_kernel_avx2;
#endif
  default:
    return nearest_kernel_baseline;
  }
}

// Within half of the smallest height an image is the nearest one: none of its fractions exceeds a half.
bool nearest_images_suffice(const PeriodicBox &box, double radius)
{
  if (!(box.periodic[0] && box.periodic[1] && box.periodic[2])) return false;
  if (!(radius > 0.0 && radius <= 0.5 * *std::min_element(box.heights.begin(), box.heights.end()))) return false;
  const std::array<double, 9> &c = box.cell;
  const double volume = std::fabs(c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) +
                                  c[2] * (c[3] * c[7] - c[4] * c[6]));
  return 4.0 / 3.0 * PI * radius * radius * radius > LEAST_SHARE * volume;
}

// Fractions of the points by direction, each padded.
std::array<std::vector<double>, 3> fractions(const double *points, std::size_t n, const PeriodicBox &box)
{
  std::array<std::vector<double>, 3> f;
  for (std::vector<double> &along : f) along.assign(n + PAIR_PADDING, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t d = 0; d < 3; ++d) {
      if (!std::isfinite(points[3 * i + d]))
        throw DomainError("pair distances: atom " + std::to_string(i) + " has a position that is not finite");
      int whole = 0;
      f[d][i] = box.wrapped(points + 3 * i, d, i, whole);
    }
  return f;
}

// With `same` the points are the others: pairs are counted once.
void nearest_histogram(const double *points, std::size_t n, const double *others, std::size_t m, const PeriodicBox &box,
                       double radius, bool same, std::size_t bins, std::int64_t *counts)
{
  static const NearestKernel kernel = nearest_kernel();
  const auto of = fractions(others, m, box);
  const auto from = same ? of : fractions(points, n, box);
  std::vector<std::int64_t> found(bins, 0);
  const DistanceBins to{static_cast<double>(bins) / radius, static_cast<int>(bins), found.data()};
  for (std::size_t i = 0; i < n; ++i) {
    const std::array<double, 3> at{from[0][i], from[1][i], from[2][i]};
    kernel({{of[0].data(), of[1].data(), of[2].data()}, same ? i + 1 : 0, m, at.data(), box.cell.data(), to});
  }
  for (std::size_t k = 0; k < bins; ++k) counts[k] += same ? 2 * found[k] : found[k];  // j from i as i from j
}

}  // namespace

void pair_histogram(const double *points, std::size_t n, const double *others, std::size_t m, const PeriodicBox &box,
                    double radius, bool same, std::size_t bins, std::int64_t *counts)
{
  const bool one_time = same && std::equal(points, points + 3 * n, others);
  if ((one_time || !same) && nearest_images_suffice(box, radius))
    nearest_histogram(points, n, others, m, box, radius, same, bins, counts);
  else
    pair_histogram(points, n, ImageCloud(others, m, box, radius), same, bins, counts);
}

}  // namespace ufp

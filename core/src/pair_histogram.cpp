#include "ufp/pair_histogram.hpp"

#include <algorithm>
#include <cmath>

#include "pair_kernel.hpp"
#include "ufp/simd.hpp"

namespace ufp
{

namespace
{

constexpr std::size_t RANGES = 64;
constexpr double PI = 3.14159265358979323846;

using PairKernel = void (*)(const PairCount &) noexcept;

PairKernel pair_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return pair_kernel_avx512;
  case Simd::avx2:
    return pair_kernel_avx2;
#endif
  default:
    return pair_kernel_baseline;
  }
}

double nearest_integer(double x)  // for |x| < 2^51, without a call on baseline x86-64
{
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  return (x + shift) - shift;
}

double angle_between(const double *u, const double *v) noexcept
{
  const double uv = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  const double uu = u[0] * u[0] + u[1] * u[1] + u[2] * u[2], vv = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
  return std::acos(std::clamp(uv / std::sqrt(uu * vv), -1.0, 1.0));
}

}  // namespace

void pair_histogram(const double *points, std::size_t n, const ImageCloud &cloud, bool same, std::size_t bins,
                    std::int64_t *counts)
{
  const double per_width = static_cast<double>(bins) / cloud.radius();
  const double *x = cloud.x(), *y = cloud.y(), *z = cloud.z();
  static const PairKernel kernel = pair_kernel();
  for (std::size_t i = 0; i < n; ++i) {
    std::array<int, 3> whole{};
    const std::array<double, 3> at = cloud.wrapped(points + 3 * i, whole);
    const std::size_t self = same ? cloud.slot(i, whole) : ImageCloud::none;
    std::array<std::size_t, 2 * RANGES> ranges{};
    std::size_t n_ranges = 0;
    const auto count = [&] {
      kernel({x, y, z, ranges.data(), n_ranges, at.data(), {per_width, static_cast<int>(bins), counts}});
      n_ranges = 0;
    };
    const auto add = [&](std::size_t begin, std::size_t end) {
      if (n_ranges == RANGES) count();
      ranges[2 * n_ranges] = begin;
      ranges[2 * n_ranges + 1] = end;
      ++n_ranges;
    };
    cloud.ranges(at, [&](std::size_t begin, std::size_t end) {
      if (begin <= self && self < end) {
        add(begin, self);
        begin = self + 1;
      }
      if (begin < end) add(begin, end);
    });
    count();
  }
}

void displacement_histogram(const double *series, std::size_t n_frames, std::size_t lag, std::size_t first,
                            std::size_t last, double radius, std::size_t bins, std::int64_t *counts,
                            double *moments) noexcept
{
  const double per_width = static_cast<double>(bins) / radius;
  const double *x = series, *y = series + n_frames, *z = series + 2 * n_frames;
  double second = 0.0, fourth = 0.0;
  for (std::size_t t = first; t < last; ++t) {
    const double dx = x[t + lag] - x[t], dy = y[t + lag] - y[t], dz = z[t + lag] - z[t];
    const double square = dx * dx + dy * dy + dz * dz;
    second += square;
    fourth += square * square;
    const double scaled = std::sqrt(square) * per_width;
    if (scaled < static_cast<double>(bins)) ++counts[static_cast<std::size_t>(scaled)];
  }
  moments[0] += second;
  moments[1] += fourth;
}

void bond_angle_histogram(const double *centre, const double *ligand, std::size_t n, const ImageCloud &cloud,
                          std::size_t r_bins, std::size_t angle_bins, std::int64_t *counts)
{
  const double per_width = static_cast<double>(r_bins) / cloud.radius();
  const double per_angle = static_cast<double>(angle_bins) / PI;
  for (std::size_t b = 0; b < n; ++b) {
    std::array<int, 3> whole{};
    const std::array<double, 3> at = cloud.wrapped(ligand + 3 * b, whole);
    const double bond[3] = {centre[3 * b] - ligand[3 * b], centre[3 * b + 1] - ligand[3 * b + 1],
                            centre[3 * b + 2] - ligand[3 * b + 2]};
    cloud.ranges(at, [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) {
        const double d[3] = {cloud.x()[s] - at[0], cloud.y()[s] - at[1], cloud.z()[s] - at[2]};
        const double scaled = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) * per_width;
        if (!(scaled > 0.0) || scaled >= static_cast<double>(r_bins)) continue;
        const double turn = angle_between(bond, d) * per_angle;
        if (!(turn >= 0.0)) continue;  // a bond of no length has no angle
        const auto column = std::min(static_cast<std::size_t>(turn), angle_bins - 1);
        ++counts[static_cast<std::size_t>(scaled) * angle_bins + column];
      }
    });
  }
}

void triple_angles(const double *positions, const std::int64_t *triples, std::size_t n, const double *cell,
                   const double *inverse, double *angles) noexcept
{
  for (std::size_t m = 0; m < n; ++m) {
    double edge[2][3];
    const double *vertex = positions + 3 * triples[3 * m];
    for (std::size_t e = 0; e < 2; ++e) {
      const double *other = positions + 3 * triples[3 * m + 1 + e];
      const double d[3] = {other[0] - vertex[0], other[1] - vertex[1], other[2] - vertex[2]};
      double f[3];
      for (std::size_t k = 0; k < 3; ++k) {
        f[k] = d[0] * inverse[k] + d[1] * inverse[3 + k] + d[2] * inverse[6 + k];
        f[k] -= nearest_integer(f[k]);
      }
      for (std::size_t k = 0; k < 3; ++k) edge[e][k] = f[0] * cell[k] + f[1] * cell[3 + k] + f[2] * cell[6 + k];
    }
    angles[m] = angle_between(edge[0], edge[1]);
  }
}

}  // namespace ufp

// Counts against all images within reach, in every instruction set's own kernel through the environment's choice.
#include "ufp/pair_histogram.hpp"

#include "ufp/error.hpp"

#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace
{

std::vector<std::int64_t> brute_force(const std::vector<double> &a, const std::vector<double> &b,
                                      const std::array<double, 9> &cell, bool same, double radius, std::size_t bins)
{
  std::vector<std::int64_t> counts(bins, 0);
  constexpr int reach = 7;
  for (std::size_t i = 0; i < a.size() / 3; ++i)
    for (std::size_t j = 0; j < b.size() / 3; ++j)
      for (int p = -reach; p <= reach; ++p)
        for (int q = -reach; q <= reach; ++q)
          for (int s = -reach; s <= reach; ++s) {
            if (same && i == j && p == 0 && q == 0 && s == 0) continue;
            double square = 0.0;
            for (std::size_t k = 0; k < 3; ++k) {
              const double d = b[3 * j + k] - a[3 * i + k] + p * cell[k] + q * cell[3 + k] + s * cell[6 + k];
              square += d * d;
            }
            const auto bin = static_cast<std::size_t>(std::sqrt(square) / radius * static_cast<double>(bins));
            if (bin < bins) ++counts[bin];
          }
  return counts;
}

}  // namespace

int main()
{
  std::mt19937 random(1);
  std::uniform_real_distribution<double> anywhere(-7.0, 7.0);
  std::normal_distribution<double> step(0.0, 2.0);
  const std::array<double, 9> cell{6.0, 0.0, 0.0, 2.0, 5.0, 0.0, -1.5, 1.0, 7.0};
  const ufp::PeriodicBox box(cell, {true, true, true});
  for (const std::size_t n : {1, 2, 7, 40})
    for (const double radius : {1.0, 4.0, 9.5}) {
      std::vector<double> b(3 * n), a(3 * n);
      for (std::size_t k = 0; k < 3 * n; ++k) {
        b[k] = anywhere(random);
        a[k] = b[k] + step(random);
      }
      const ufp::ImageCloud cloud(b.data(), n, box, radius);
      for (const bool same : {true, false}) {
        std::vector<std::int64_t> counts(30, 0);
        ufp::pair_histogram(same ? a.data() : b.data(), n, cloud, same, counts.size(), counts.data());
        CHECK(counts == brute_force(same ? a : b, b, cell, same, radius, counts.size()));
      }
    }

  // all pairs by their nearest images up to half of the smallest height, all images beyond: the same counts as by force
  const std::array<double, 9> cube{6.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 6.0};
  for (const std::array<double, 9> &rows : {cell, cube}) {
    const ufp::PeriodicBox periodic(rows, {true, true, true});
    const double half = 0.5 * std::min({periodic.heights[0], periodic.heights[1], periodic.heights[2]});
    for (const std::size_t n : {1, 9, 40})
      for (const double radius : {0.9 * half, half, 1.01 * half}) {
        std::vector<double> a(3 * n), b(3 * (n + 3));
        for (double &x : a) x = anywhere(random);
        for (double &x : b) x = anywhere(random);
        std::vector<std::int64_t> counts(30, 0), own(30, 0);
        ufp::pair_histogram(a.data(), n, b.data(), n + 3, periodic, radius, false, counts.size(), counts.data());
        CHECK(counts == brute_force(a, b, rows, false, radius, counts.size()));
        ufp::pair_histogram(a.data(), n, a.data(), n, periodic, radius, true, own.size(), own.data());
        CHECK(own == brute_force(a, a, rows, true, radius, own.size()));
      }
  }

  const double origin[6] = {0.0, 0.0, 0.0, std::nan(""), 0.0, 0.0};
  bool refused = false;
  try {
    ufp::ImageCloud(origin, 2, box, 3.0);
  } catch (const ufp::DomainError &) {
    refused = true;
  }
  CHECK(refused);
  refused = false;
  std::int64_t none[1] = {};
  try {
    ufp::pair_histogram(origin, 2, origin, 2, box, 2.2, true, 1, none);
  } catch (const ufp::DomainError &) {
    refused = true;
  }
  CHECK(refused);

  // a right angle in a skewed cell across a face
  const double positions[9] = {0.1, 0.1, 0.1, 6.0, 0.1, 0.1, 0.1, 1.1, 0.1};
  const std::int64_t triple[3] = {0, 1, 2};
  std::array<double, 9> inverse{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) inverse[3 * k + i] = box.inverse[3 * i + k];
  double angle = 0.0;
  ufp::triple_angles(positions, triple, 1, cell.data(), inverse.data(), &angle);
  CHECK_CLOSE(angle, 1.5707963267948966, 1e-12);
  return 0;
}

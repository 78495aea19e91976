// Against all images within reach, for every combination of periodic directions.
#include "ufp/cell_list.hpp"

#include "ufp/error.hpp"

#include "check.hpp"

#include <algorithm>
#include <random>
#include <vector>

using ufp::CellList;
using ufp::Neighbor;

namespace
{

std::vector<Neighbor> brute_force(const std::vector<double> &x, const std::array<double, 9> &cell,
                                  const std::array<bool, 3> &periodic, double cutoff, std::size_t i, int images)
{
  std::vector<Neighbor> out;
  const int na = periodic[0] ? images : 0, nb = periodic[1] ? images : 0, nc = periodic[2] ? images : 0;
  for (std::size_t j = 0; j < x.size() / 3; ++j)
    for (int a = -na; a <= na; ++a)
      for (int b = -nb; b <= nb; ++b)
        for (int c = -nc; c <= nc; ++c) {
          if (j == i && a == 0 && b == 0 && c == 0) continue;
          Neighbor n{{}, 0.0, static_cast<int>(j), {a, b, c}};
          double square = 0.0;
          for (std::size_t k = 0; k < 3; ++k) {
            n.displacement[k] = x[3 * j + k] - x[3 * i + k] + a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
            square += n.displacement[k] * n.displacement[k];
          }
          n.distance = std::sqrt(square);
          if (square < cutoff * cutoff) out.push_back(n);
        }
  return out;
}

void compare(const std::vector<double> &x, const std::array<double, 9> &cell, const std::array<bool, 3> &periodic,
             double cutoff, int images)
{
  const CellList list(x.data(), x.size() / 3, cell, periodic, cutoff);
  std::vector<Neighbor> found;
  for (std::size_t i = 0; i < list.size(); ++i) {
    list.neighbors(i, found);
    const auto expected = brute_force(x, cell, periodic, cutoff, i, images);
    CHECK(found.size() == expected.size());
    for (std::size_t n = 0; n < found.size(); ++n) {
      CHECK(found[n].index == expected[n].index);
      CHECK(found[n].shift == expected[n].shift);
      CHECK_CLOSE(found[n].distance, expected[n].distance, 1e-12);
      for (std::size_t k = 0; k < 3; ++k) CHECK_CLOSE(found[n].displacement[k], expected[n].displacement[k], 1e-12);
    }
  }
}

template <typename F> bool refused(F f)
{
  try {
    f();
  } catch (const ufp::DomainError &) {
    return true;
  }
  return false;
}

}  // namespace

int main()
{
  std::mt19937 generator(7);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  const std::array<double, 9> cells[] = {
      {6.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, 8.0},  {5.0, 0.3, -0.4, 2.4, 6.0, 0.2, -2.0, 1.5, 7.0},
      {2.1, 0.0, 0.0, 1.0, 2.3, 0.0, 0.7, -0.9, 2.0},  // smaller than the cutoff
      {0.0, 0.0, 9.0, 8.0, 0.0, 0.0, 0.0, 7.0, 0.0},   // axes permuted
      {5.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, -5.0},  // left-handed
  };
  for (const auto &cell : cells)
    for (int mask = 0; mask < 8; ++mask) {
      const std::array<bool, 3> periodic{(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
      std::vector<double> x;
      for (int i = 0; i < 30; ++i) {
        std::array<double, 3> f{};
        for (auto &value : f) value = 3.0 * uniform(generator) - 1.0;  // two thirds of the atoms lie outside
        for (std::size_t k = 0; k < 3; ++k) x.push_back(f[0] * cell[k] + f[1] * cell[3 + k] + f[2] * cell[6 + k]);
      }
      compare(x, cell, periodic, 3.7, 8);
    }

  // more bins than one per direction; dilute cluster without a cell; no atom; one atom and its images
  std::vector<double> x;
  for (int i = 0; i < 3 * 600; ++i) x.push_back(22.0 * uniform(generator));
  compare(x, {22.0, 0.0, 0.0, 3.0, 21.0, 0.0, -5.0, 4.0, 20.0}, {true, true, true}, 3.0, 2);
  compare(x, {}, {false, false, false}, 3.0, 0);
  compare({}, {}, {false, false, false}, 3.0, 0);
  compare({0.0, 0.0, 0.0, 1e6, 0.0, 0.0}, {}, {false, false, false}, 3.0, 0);
  compare({0.3, -90.0, 4.0}, {2.25, 0.0, 0.0, 0.0, 2.25, 0.0, 0.0, 0.0, 2.25}, {true, true, true}, 4.6, 4);

  // two atoms on one point are neighbours, and the cutoff itself is outside
  const std::vector<double> same{1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 1.0, 1.0};
  std::vector<Neighbor> found;
  CellList(same.data(), 3, {}, {false, false, false}, 2.0).neighbors(0, found);
  CHECK(found.size() == 1 && found[0].index == 1);
  CHECK_CLOSE(found[0].distance, 0.0, 0.0);

  const std::array<double, 3> nowhere{0.0, std::nan(""), 0.0};
  const std::array<double, 9> unit{1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0};
  const std::array<double, 9> flat{1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0};
  CHECK(refused([&] { CellList(same.data(), 3, unit, {true, true, true}, 0.0); }));
  CHECK(refused([&] { CellList(same.data(), 3, flat, {true, true, true}, 1.0); }));
  CHECK(refused([&] { CellList(same.data(), 3, {}, {true, false, false}, 1.0); }));
  CHECK(refused([&] { CellList(same.data(), 3, unit, {true, true, true}, 1e5); }));
  CHECK(refused([&] { CellList(nowhere.data(), 1, unit, {false, false, false}, 1.0); }));
  return 0;
}

#include "ufp/lattice_images.hpp"

#include <algorithm>
#include <cmath>

namespace ufp
{

// From the perpendicular heights: edge lengths mislead in skewed cells.
void LatticeImages::build(const Cell &cell, const Cell &inverse, const std::array<std::vector<double>, 3> &fraction,
                          double cutoff)
{
  cutoff_ = cutoff;
  const std::size_t n_atoms = fraction[0].size();
  std::array<double, 3> margin{};
  std::array<int, 3> reach{};
  for (std::size_t d = 0; d < 3; ++d) {
    margin[d] = cutoff * std::hypot(inverse[d][0], inverse[d][1], inverse[d][2]);
    reach[d] = static_cast<int>(margin[d]) + 1;
  }
  for (auto &x : found_) x.clear();
  found_atom_.clear();
  home_.resize(3 * n_atoms);
  for (int i = -reach[0]; i <= reach[0]; ++i)
    for (int j = -reach[1]; j <= reach[1]; ++j)
      for (int k = -reach[2]; k <= reach[2]; ++k)
        for (std::size_t p = 0; p < n_atoms; ++p) {
          const std::array<double, 3> f{fraction[0][p] + i, fraction[1][p] + j, fraction[2][p] + k};
          bool seen = true;
          for (std::size_t d = 0; d < 3; ++d) seen = seen && f[d] >= -margin[d] && f[d] <= 1 + margin[d];
          if (!seen) continue;
          for (std::size_t a = 0; a < 3; ++a) {
            const double x = f[0] * cell[0][a] + f[1] * cell[1][a] + f[2] * cell[2][a];
            found_[a].push_back(x);
            if (i == 0 && j == 0 && k == 0) home_[3 * p + a] = x;
          }
          found_atom_.push_back(static_cast<int>(p));
        }
  sort();
}

// Box by box, those of a column along z one after the other, so that an atom looks at a stretch of each column.
void LatticeImages::sort()
{
  constexpr double boxes_per_cutoff = 2.5, most = 100;
  const std::size_t n = found_atom_.size();
  for (std::size_t a = 0; a < 3; ++a) {
    const auto [low, high] = std::minmax_element(found_[a].begin(), found_[a].end());
    low_[a] = *low;
    count_[a] = static_cast<std::size_t>(std::min((*high - *low) * boxes_per_cutoff / cutoff_, most)) + 1;
    width_[a] = (*high - *low) / static_cast<double>(count_[a]);
    per_length_[a] = width_[a] > 0 ? 1 / width_[a] : 0;
  }
  const auto box_of = [&](std::size_t j) {
    return column(box(0, found_[0][j]), box(1, found_[1][j])) + box(2, found_[2][j]);
  };
  start_.assign(count_[0] * count_[1] * count_[2] + 1, 0);
  for (std::size_t j = 0; j < n; ++j) ++start_[box_of(j) + 1];
  for (std::size_t k = 0; k + 1 < start_.size(); ++k) start_[k + 1] += start_[k];
  std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
  for (auto &x : image_) x.resize(n);
  atom_.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    const std::size_t to = next[box_of(j)]++;
    for (std::size_t a = 0; a < 3; ++a) image_[a][to] = found_[a][j];
    atom_[to] = found_atom_[j];
  }
}

std::size_t LatticeImages::box(std::size_t axis, double x) const
{
  const double number = (x - low_[axis]) * per_length_[axis];
  return static_cast<std::size_t>(std::clamp(number, 0.0, static_cast<double>(count_[axis] - 1)));
}

double LatticeImages::distance(std::size_t axis, std::size_t box, double x) const
{
  const double begin = low_[axis] + static_cast<double>(box) * width_[axis];
  return std::max({0.0, begin - x, x - begin - width_[axis]});
}

const std::vector<Span> &LatticeImages::around(std::size_t atom)
{
  stretches_.clear();
  const double *const x = home(atom);
  const double reach = cutoff_ * (1 + 1e-9);
  const std::size_t i_end = box(0, x[0] + reach) + 1, j_begin = box(1, x[1] - reach), j_end = box(1, x[1] + reach) + 1;
  for (std::size_t i = box(0, x[0] - reach); i < i_end; ++i) {
    const double dx = distance(0, i, x[0]), beside = reach * reach - dx * dx;
    for (std::size_t j = j_begin; j < j_end; ++j) {
      const double dy = distance(1, j, x[1]), left = beside - dy * dy;
      if (!(left > 0)) continue;
      const double half = std::sqrt(left);
      const std::size_t first = column(i, j);
      stretches_.push_back({start_[first + box(2, x[2] - half)], start_[first + box(2, x[2] + half) + 1]});
    }
  }
  return stretches_;
}

}  // namespace ufp

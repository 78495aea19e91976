#include "ufp/cell_list.hpp"

#include "ufp/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace ufp
{

CellList::CellList(const double *positions, std::size_t n, const std::array<double, 9> &cell,
                   const std::array<bool, 3> &periodic, double cutoff)
    : n_(n), cutoff_(cutoff), box_(cell, periodic), x_(positions, positions + 3 * n)
{
  if (!(cutoff > 0.0) || !std::isfinite(cutoff))
    throw DomainError("neighbour search: expected a cutoff above 0, found " + std::to_string(cutoff));
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw DomainError("neighbour search: more than 2^31 - 1 atoms");
  for (std::size_t i = 0; i < x_.size(); ++i)
    if (!std::isfinite(x_[i]))
      throw DomainError("neighbour search: atom " + std::to_string(i / 3) + " has a position that is not finite");
  wrap();
  choose_bins();
  fill_bins();
}

void CellList::wrap()
{
  fraction_.resize(3 * n_);
  inside_ = x_;
  wrapped_.assign(n_, {0, 0, 0});
  for (std::size_t i = 0; i < n_; ++i)
    for (std::size_t d = 0; d < 3; ++d) {
      fraction_[3 * i + d] = box_.wrapped(&x_[3 * i], d, i, wrapped_[i][d]);
      for (std::size_t k = 0; k < 3; ++k) inside_[3 * i + k] -= wrapped_[i][d] * box_.cell[3 * d + k];
    }
}

void CellList::choose_bins()
{
  std::array<double, 3> length{};
  for (std::size_t d = 0; d < 3; ++d) {
    double low = 0.0, high = 1.0;
    if (!box_.periodic[d]) {
      low = n_ ? std::numeric_limits<double>::infinity() : 0.0;
      high = n_ ? -low : 0.0;
      for (std::size_t i = 0; i < n_; ++i) {
        low = std::min(low, fraction_[3 * i + d]);
        high = std::max(high, fraction_[3 * i + d]);
      }
    }
    lowest_[d] = low;
    length[d] = (high - low) * box_.heights[d];
    // half the cutoff: 5^3 small bins hold fewer candidates than 3^3 large ones
    bins_[d] = static_cast<int>(std::clamp(2.0 * length[d] / cutoff_, 1.0, 1e6));
  }
  // no more bins than atoms, or a dilute cluster would cost memory
  while (static_cast<double>(bins_[0]) * bins_[1] * bins_[2] > static_cast<double>(std::max<std::size_t>(n_, 8))) {
    int &most = *std::max_element(bins_.begin(), bins_.end());
    most = (most + 1) / 2;
  }
  double searched = 1.0;
  for (std::size_t d = 0; d < 3; ++d) {
    per_width_[d] = length[d] > 0.0 ? bins_[d] * box_.heights[d] / length[d] : 0.0;
    // the margin keeps rounding from losing a pair at the very edge
    const double reach = length[d] > 0.0 ? std::ceil(cutoff_ * (1.0 + 1e-10) * bins_[d] / length[d]) : 0.0;
    searched *= 2.0 * reach + 1.0;
    if (box_.periodic[d] && searched > 1e9)
      throw DomainError("neighbour search: the cell is too small for a cutoff of " + std::to_string(cutoff_) +
                        " A (more than 1e9 images)");
    reach_[d] = static_cast<int>(box_.periodic[d] ? reach : std::min<double>(reach, bins_[d]));
  }
}

std::size_t CellList::bin_of(const std::array<int, 3> &b) const
{
  return (static_cast<std::size_t>(b[0]) * static_cast<std::size_t>(bins_[1]) + static_cast<std::size_t>(b[1])) *
             static_cast<std::size_t>(bins_[2]) +
         static_cast<std::size_t>(b[2]);
}

void CellList::fill_bins()
{
  bin_.resize(n_);
  const std::size_t total = bin_of({bins_[0] - 1, bins_[1] - 1, bins_[2] - 1}) + 1;
  start_.assign(total + 1, 0);
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t d = 0; d < 3; ++d)
      bin_[i][d] = std::clamp(static_cast<int>((fraction_[3 * i + d] - lowest_[d]) * per_width_[d]), 0, bins_[d] - 1);
    ++start_[bin_of(bin_[i]) + 1];
  }
  for (std::size_t b = 0; b < total; ++b) start_[b + 1] += start_[b];
  order_.resize(n_);
  std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
  for (std::size_t i = 0; i < n_; ++i) order_[next[bin_of(bin_[i])]++] = static_cast<int>(i);
}

void CellList::neighbors(std::size_t i, std::vector<Neighbor> &out) const
{
  out.clear();
  const double limit = cutoff_ * cutoff_, rough = limit * (1 + 1e-6);
  std::array<int, 3> low{}, high{};
  for (std::size_t d = 0; d < 3; ++d) {
    low[d] = bin_[i][d] - reach_[d];
    high[d] = bin_[i][d] + reach_[d];
    if (box_.periodic[d]) continue;
    low[d] = std::max(low[d], 0);
    high[d] = std::min(high[d], bins_[d] - 1);
  }
  // A bin along each axis and the image of the cell that it is in.
  std::array<int, 3> at{}, bin{}, image{};
  const auto begin = [&](std::size_t d) {
    at[d] = low[d];
    image[d] = at[d] >= 0 ? at[d] / bins_[d] : -((bins_[d] - 1 - at[d]) / bins_[d]);
    bin[d] = at[d] - image[d] * bins_[d];
  };
  const auto next = [&](std::size_t d) {
    ++at[d];
    if (++bin[d] < bins_[d]) return;
    bin[d] = 0;
    ++image[d];
  };
  for (begin(0); at[0] <= high[0]; next(0))
    for (begin(1); at[1] <= high[1]; next(1))
      for (begin(2); at[2] <= high[2]; next(2)) {
        std::array<double, 3> from{inside_[3 * i], inside_[3 * i + 1], inside_[3 * i + 2]};  // i beside the image
        for (std::size_t d = 0; d < 3; ++d)
          for (std::size_t k = 0; k < 3; ++k) from[k] -= image[d] * box_.cell[3 * d + k];
        const std::size_t b = bin_of(bin);
        for (std::size_t s = start_[b]; s < start_[b + 1]; ++s) {
          const int j = order_[s];
          const std::size_t o = 3 * static_cast<std::size_t>(j);
          const double dx = inside_[o] - from[0], dy = inside_[o + 1] - from[1], dz = inside_[o + 2] - from[2];
          if (dx * dx + dy * dy + dz * dz > rough) continue;  // most; the others by their own coordinates
          Neighbor found{{x_[o] - x_[3 * i], x_[o + 1] - x_[3 * i + 1], x_[o + 2] - x_[3 * i + 2]}, 0.0, j, {}};
          bool home = true;
          for (std::size_t d = 0; d < 3; ++d) {
            found.shift[d] = image[d] + wrapped_[i][d] - wrapped_[static_cast<std::size_t>(j)][d];
            home = home && found.shift[d] == 0;
            for (std::size_t k = 0; k < 3; ++k) found.displacement[k] += found.shift[d] * box_.cell[3 * d + k];
          }
          if (home && static_cast<std::size_t>(j) == i) continue;
          const std::array<double, 3> &v = found.displacement;
          const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
          if (!(square < limit)) continue;
          found.distance = std::sqrt(square);
          out.push_back(found);
        }
      }
  std::sort(out.begin(), out.end(), [](const Neighbor &p, const Neighbor &q) {
    return p.index != q.index ? p.index < q.index : p.shift < q.shift;
  });
}

}  // namespace ufp

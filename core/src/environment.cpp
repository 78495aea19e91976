#include "ufp/environment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "ufp/error.hpp"
#include "ufp/periodic_box.hpp"

namespace ufp
{
namespace
{

constexpr double coincident = 1e-3;  // Å
constexpr double most_images = 1e8;
constexpr double tolerance = 1e-10;  // of fractions: rounding must not lose an image at the very edge

}  // namespace

void EnvironmentBuffer::reserve(std::size_t candidates, int species)
{
  first_.resize(static_cast<std::size_t>(species) + 2);
  if (candidates < hit_.size()) return;
  hit_.resize(candidates + 1);
  for (auto *v : {&x_, &y_, &z_, &distance_}) v->resize(candidates + 1);
}

Environment EnvironmentBuffer::view(int centre_species) const
{
  return {centre_species, x_.data(), y_.data(), z_.data(), distance_.data(), first_.data()};
}

void ImageList::choose_bins(const std::array<double, 3> &heights, const std::array<bool, 3> &periodic)
{
  std::array<double, 3> length{};
  double images = static_cast<double>(atoms_);
  for (std::size_t d = 0; d < 3; ++d) {
    double low = 0, high = 1;
    if (periodic[d]) {
      const double margin = cutoff_ / heights[d] + tolerance;
      low -= margin;
      high += margin;
      images *= 1 + 2 * margin;
    } else if (atoms_ > 0) {
      low = std::numeric_limits<double>::infinity();
      high = -low;
      for (std::size_t i = 0; i < atoms_; ++i) {
        low = std::min(low, fraction_[3 * i + d]);
        high = std::max(high, fraction_[3 * i + d]);
      }
    }
    length[d] = (high - low) * heights[d];
    axis_[d].low = low;
    // half the cutoff: 5^3 small bins hold fewer candidates than 3^3 large ones
    axis_[d].bins = static_cast<int>(std::clamp(2 * length[d] / cutoff_, 1.0, 1e6));
  }
  if (images > most_images)
    throw DomainError("neighbour search: the cell is too small for a cutoff of " + std::to_string(cutoff_) +
                      " Å (more than 1e8 images)");
  // no more bins than images, or a dilute cluster would cost memory
  const auto total = [&] { return static_cast<double>(axis_[0].bins) * axis_[1].bins * axis_[2].bins; };
  while (total() > std::max(images, 8.0)) {
    Axis &most = *std::max_element(axis_.begin(), axis_.end(), [](auto &a, auto &b) { return a.bins < b.bins; });
    most.bins = (most.bins + 1) / 2;
  }
  for (std::size_t d = 0; d < 3; ++d) {
    Axis &axis = axis_[d];
    axis.per_bin = length[d] > 0 ? axis.bins * heights[d] / length[d] : 0;
    const double reach = length[d] > 0 ? std::ceil(cutoff_ * (1 + tolerance) * axis.bins / length[d]) : 0;
    axis.reach = static_cast<int>(std::min<double>(reach, axis.bins));
  }
}

int ImageList::bin_along(std::size_t d, double fraction) const
{
  const Axis &axis = axis_[d];
  return std::clamp(static_cast<int>((fraction - axis.low) * axis.per_bin), 0, axis.bins - 1);
}

std::size_t ImageList::bin_of(const double *fraction) const
{
  const int row = bin_along(0, fraction[0]) * axis_[1].bins + bin_along(1, fraction[1]);
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(axis_[2].bins) +
         static_cast<std::size_t>(bin_along(2, fraction[2]));
}

void ImageList::build(const AtomView &atoms, int species, double cutoff)
{
  const PeriodicBox box(atoms.cell, atoms.periodic);
  cutoff_ = cutoff;
  species_ = species;
  atoms_ = atoms.count;
  fraction_.resize(3 * atoms_);
  wrapped_.resize(atoms_);
  for (std::size_t i = 0; i < atoms_; ++i)
    for (std::size_t d = 0; d < 3; ++d) {
      if (!std::isfinite(atoms.positions[3 * i + d]))
        throw DomainError("neighbour search: atom " + std::to_string(i) + " has a position that is not finite");
      fraction_[3 * i + d] = box.wrapped(atoms.positions + 3 * i, d, i, wrapped_[i][d]);
    }
  choose_bins(box.heights, box.periodic);

  image_.clear();
  bin_.clear();
  atom_of_.clear();
  home_.resize(atoms_);
  std::array<double, 3> margin{};
  for (std::size_t d = 0; d < 3; ++d) margin[d] = box.periodic[d] ? cutoff / box.heights[d] + tolerance : -1;
  start_.assign(static_cast<std::size_t>(axis_[0].bins) * static_cast<std::size_t>(axis_[1].bins) *
                        static_cast<std::size_t>(axis_[2].bins) +
                    1,
                0);
  std::array<int, 3> low{}, high{}, shift{};
  for (std::size_t i = 0; i < atoms_; ++i) {
    const double *f = &fraction_[3 * i], *x = atoms.positions + 3 * i;
    for (std::size_t d = 0; d < 3; ++d) {
      low[d] = box.periodic[d] ? static_cast<int>(std::ceil(-margin[d] - f[d])) : 0;
      high[d] = box.periodic[d] ? static_cast<int>(std::floor(1 + margin[d] - f[d])) : 0;
    }
    for (shift[0] = low[0]; shift[0] <= high[0]; ++shift[0])
      for (shift[1] = low[1]; shift[1] <= high[1]; ++shift[1])
        for (shift[2] = low[2]; shift[2] <= high[2]; ++shift[2]) {
          const double at[] = {f[0] + shift[0], f[1] + shift[1], f[2] + shift[2]};
          const int cells[] = {shift[0] - wrapped_[i][0], shift[1] - wrapped_[i][1], shift[2] - wrapped_[i][2]};
          if (shift[0] == 0 && shift[1] == 0 && shift[2] == 0) home_[i] = atom_of_.size();
          for (std::size_t k = 0; k < 3; ++k)
            image_.push_back(x[k] + cells[0] * box.cell[k] + cells[1] * box.cell[3 + k] + cells[2] * box.cell[6 + k]);
          bin_.push_back(bin_of(at));
          atom_of_.push_back(i);
          ++start_[bin_.back() + 1];
        }
  }
  for (std::size_t b = 1; b < start_.size(); ++b) start_[b] += start_[b - 1];
  const std::size_t images = bin_.size();
  for (auto *v : {&x_, &y_, &z_}) v->resize(images);
  kind_.resize(images);
  index_.resize(images);
  // filled from the back, start_ becomes the first place of every bin again
  for (std::size_t b = start_.size() - 1; b > 0; --b) start_[b] = start_[b - 1];
  std::size_t next_home = 0;
  for (std::size_t k = 0; k < images; ++k) {
    const std::size_t place = start_[bin_[k] + 1]++;
    x_[place] = image_[3 * k];
    y_[place] = image_[3 * k + 1];
    z_[place] = image_[3 * k + 2];
    kind_[place] = atoms.species[atom_of_[k]];
    index_[place] = static_cast<int>(atom_of_[k]);
    if (next_home < atoms_ && home_[next_home] == k) home_[next_home++] = place;
  }
}

Environment ImageList::find(std::size_t centre, EnvironmentBuffer &buffer) const
{
  const double *f = &fraction_[3 * centre];
  std::array<int, 3> low{}, high{};
  for (std::size_t d = 0; d < 3; ++d) {
    const int bin = bin_along(d, f[d]);
    low[d] = std::max(bin - axis_[d].reach, 0);
    high[d] = std::min(bin + axis_[d].reach, axis_[d].bins - 1);
  }
  const std::size_t home = home_[centre];
  const double x0 = x_[home], y0 = y_[home], z0 = z_[home], limit = cutoff_ * cutoff_;
  const auto range = [&](int a, int b) {
    const auto row =
        (static_cast<std::size_t>(a) * static_cast<std::size_t>(axis_[1].bins) + static_cast<std::size_t>(b)) *
        static_cast<std::size_t>(axis_[2].bins);
    return std::make_pair(start_[row + static_cast<std::size_t>(low[2])],
                          start_[row + static_cast<std::size_t>(high[2]) + 1]);
  };
  std::size_t candidates = 0;
  for (int a = low[0]; a <= high[0]; ++a)
    for (int b = low[1]; b <= high[1]; ++b) candidates += range(a, b).second - range(a, b).first;
  buffer.reserve(candidates, species_);
  int *const hit = buffer.hit_.data(), *const first = buffer.first_.data();
  std::fill_n(first, species_ + 2, 0);
  std::size_t found = 0;
  for (int a = low[0]; a <= high[0]; ++a)
    for (int b = low[1]; b <= high[1]; ++b) {
      const auto [begin, end] = range(a, b);
      for (std::size_t s = begin; s < end; ++s) {
        const double x = x_[s] - x0, y = y_[s] - y0, z = z_[s] - z0;
        hit[found] = static_cast<int>(s);  // overwritten by the next one if outside: no branch
        found += x * x + y * y + z * z < limit;
      }
    }
  for (std::size_t k = 0; k < found; ++k) ++first[kind_[static_cast<std::size_t>(hit[k])] + 2];
  --first[kind_[home] + 2];
  for (int b = 2; b <= species_ + 1; ++b) first[b] += first[b - 1];
  for (std::size_t k = 0; k < found; ++k) {
    const auto s = static_cast<std::size_t>(hit[k]);
    if (s == home) continue;
    const auto place = static_cast<std::size_t>(first[kind_[s] + 1]++);
    const double x = x_[s] - x0, y = y_[s] - y0, z = z_[s] - z0, distance = std::sqrt(x * x + y * y + z * z);
    buffer.x_[place] = x;
    buffer.y_[place] = y;
    buffer.z_[place] = z;
    buffer.distance_[place] = distance;
    if (distance < coincident)
      throw DomainError("expected atoms at different points, found atoms " +
                        std::to_string(std::min(static_cast<int>(centre), index_[s])) + " and " +
                        std::to_string(std::max(static_cast<int>(centre), index_[s])) + " less than 0.001 Å apart");
  }
  return buffer.view(kind_[home]);
}

}  // namespace ufp

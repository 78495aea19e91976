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
// Bins that follow along the last axis are read as one run: few long runs there, whose ends may be trimmed finely.
constexpr std::array<double, 3> bins_per_cutoff{1, 1, 4};
constexpr double tolerance = 1e-10;  // of fractions: rounding must not lose an image at the very edge

}  // namespace

void EnvironmentBuffer::reserve(std::size_t candidates, int species)
{
  first_.resize(static_cast<std::size_t>(species) + 2);
  if (candidates < hit_.size()) return;
  hit_.resize(candidates + 1);
  for (auto *v : {&x_, &y_, &z_, &distance_, &square_}) v->resize(candidates + 1);
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
    axis_[d].bins = static_cast<int>(std::clamp(bins_per_cutoff[d] * length[d] / cutoff_, 1.0, 1e6));
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
  make_images(atoms, box);
  sort_images();
}

void ImageList::make_images(const AtomView &atoms, const PeriodicBox &box)
{
  images_.clear();
  home_.resize(atoms_);
  std::array<double, 3> margin{};
  for (std::size_t d = 0; d < 3; ++d) margin[d] = box.periodic[d] ? cutoff_ / box.heights[d] + tolerance : 0;
  const auto moved = [&box](const std::array<double, 3> &x, std::size_t d, int cells) {
    return std::array<double, 3>{x[0] + cells * box.cell[3 * d], x[1] + cells * box.cell[3 * d + 1],
                                 x[2] + cells * box.cell[3 * d + 2]};
  };
  for (std::size_t i = 0; i < atoms_; ++i) {
    const double *f = &fraction_[3 * i];
    std::array<int, 3> low{};
    for (std::size_t d = 0; d < 3; ++d) {
      low[d] = box.periodic[d] ? static_cast<int>(std::ceil(-margin[d] - f[d])) : 0;
      const int high = box.periodic[d] ? static_cast<int>(std::floor(1 + margin[d] - f[d])) : 0;
      bin_of_shift_[d].clear();
      for (int shift = low[d]; shift <= high; ++shift) bin_of_shift_[d].push_back(bin_along(d, f[d] + shift));
    }
    const double *p = atoms.positions + 3 * i;
    const std::array<double, 3> x{p[0], p[1], p[2]};
    for (std::size_t a = 0; a < bin_of_shift_[0].size(); ++a) {
      const int shift_a = low[0] + static_cast<int>(a);
      const std::array<double, 3> xa = moved(x, 0, shift_a - wrapped_[i][0]);
      for (std::size_t b = 0; b < bin_of_shift_[1].size(); ++b) {
        const int shift_b = low[1] + static_cast<int>(b);
        const std::array<double, 3> xb = moved(xa, 1, shift_b - wrapped_[i][1]);
        const std::size_t row = row_of(bin_of_shift_[0][a], bin_of_shift_[1][b]);
        for (std::size_t c = 0; c < bin_of_shift_[2].size(); ++c) {
          const int shift_c = low[2] + static_cast<int>(c);
          if (shift_a == 0 && shift_b == 0 && shift_c == 0) home_[i] = images_.size();
          images_.push_back({moved(xb, 2, shift_c - wrapped_[i][2]),
                             row + static_cast<std::size_t>(bin_of_shift_[2][c]), atoms.species[i],
                             static_cast<int>(i)});
        }
      }
    }
  }
}

void ImageList::sort_images()
{
  start_.assign(row_of(axis_[0].bins, 0) + 2, 0);
  for (const Image &image : images_) ++start_[image.bin + 2];
  for (std::size_t b = 2; b < start_.size(); ++b) start_[b] += start_[b - 1];
  for (auto *v : {&x_, &y_, &z_}) v->resize(images_.size());
  kind_.resize(images_.size());
  index_.resize(images_.size());
  std::size_t atom = 0;
  for (std::size_t k = 0; k < images_.size(); ++k) {
    const Image &image = images_[k];
    const std::size_t place = start_[image.bin + 1]++;  // in the end the first place of the next bin
    x_[place] = image.x[0];
    y_[place] = image.x[1];
    z_[place] = image.x[2];
    kind_[place] = image.species;
    index_[place] = image.atom;
    if (atom < atoms_ && home_[atom] == k) home_[atom++] = place;
  }
}

Environment ImageList::find(std::size_t centre, EnvironmentBuffer &buffer) const
{
  std::array<int, 3> low{}, high{};
  for (std::size_t d = 0; d < 3; ++d) {
    const int bin = bin_along(d, fraction_[3 * centre + d]);
    low[d] = std::max(bin - axis_[d].reach, 0);
    high[d] = std::min(bin + axis_[d].reach, axis_[d].bins - 1);
  }
  const auto begin_of = [&](int a, int b) { return start_[row_of(a, b) + static_cast<std::size_t>(low[2])]; };
  const auto end_of = [&](int a, int b) { return start_[row_of(a, b) + static_cast<std::size_t>(high[2]) + 1]; };
  std::size_t candidates = 0;
  for (int a = low[0]; a <= high[0]; ++a)
    for (int b = low[1]; b <= high[1]; ++b) candidates += end_of(a, b) - begin_of(a, b);
  buffer.reserve(candidates, species_);

  const std::size_t home = home_[centre];
  const double x0 = x_[home], y0 = y_[home], z0 = z_[home], limit = cutoff_ * cutoff_;
  const double *const x = x_.data(), *const y = y_.data(), *const z = z_.data();
  const int *const kind = kind_.data();
  int *const hit = buffer.hit_.data(), *const first = buffer.first_.data();
  double *const square = buffer.square_.data();
  std::size_t found = 0;
  for (int a = low[0]; a <= high[0]; ++a)
    for (int b = low[1]; b <= high[1]; ++b) {
      const std::size_t begin = begin_of(a, b), end = end_of(a, b);
      for (std::size_t s = begin; s < end; ++s) {
        const double dx = x[s] - x0, dy = y[s] - y0, dz = z[s] - z0;
        square[s - begin] = dx * dx + dy * dy + dz * dz;
      }
      for (std::size_t s = begin; s < end; ++s) {
        hit[found] = static_cast<int>(s);  // overwritten by the next one if outside: no branch
        found += square[s - begin] < limit;
      }
    }
  std::fill_n(first, species_ + 2, 0);
  for (std::size_t k = 0; k < found; ++k) ++first[kind[hit[k]] + 2];
  --first[kind[home] + 2];
  for (int b = 2; b <= species_ + 1; ++b) first[b] += first[b - 1];
  double *const px = buffer.x_.data(), *const py = buffer.y_.data(), *const pz = buffer.z_.data();
  double *const distance = buffer.distance_.data();
  for (std::size_t k = 0; k < found; ++k) {
    const int s = hit[k];
    if (s == static_cast<int>(home)) continue;
    const int place = first[kind[s] + 1]++;
    px[place] = x[s] - x0;
    py[place] = y[s] - y0;
    pz[place] = z[s] - z0;
  }
  const auto count = static_cast<std::size_t>(first[species_]);
  for (std::size_t k = 0; k < count; ++k) distance[k] = std::sqrt(px[k] * px[k] + py[k] * py[k] + pz[k] * pz[k]);
  int close = 0;
  for (std::size_t k = 0; k < count; ++k) close += distance[k] < coincident;
  if (close > 0) refuse_coincident(centre);
  return buffer.view(kind[home]);
}

void ImageList::refuse_coincident(std::size_t centre) const
{
  const std::size_t home = home_[centre];
  int other = static_cast<int>(centre);
  for (std::size_t s = 0; s < x_.size(); ++s) {
    const double x = x_[s] - x_[home], y = y_[s] - y_[home], z = z_[s] - z_[home];
    if (s != home && x * x + y * y + z * z < coincident * coincident) other = index_[s];
  }
  throw DomainError("expected atoms at different points, found atoms " +
                    std::to_string(std::min(static_cast<int>(centre), other)) + " and " +
                    std::to_string(std::max(static_cast<int>(centre), other)) + " less than 0.001 Å apart");
}

}  // namespace ufp

// Points with all their periodic images around the cell, in bins whose order makes what lies within a radius of a point
// a few contiguous ranges; in any cell, also for radii beyond half of it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "ufp/periodic_box.hpp"

namespace ufp
{

class ImageCloud
{
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  // points: n rows x y z, A, anywhere; taken to their image inside the cell. Throws DomainError: not finite, radius not
  // positive, more images than memory holds.
  ImageCloud(const double *points, std::size_t n, const PeriodicBox &box, double radius);

  double radius() const { return radius_; }
  // Coordinates by slot, readable a vector's width beyond the last one.
  const double *x() const { return x_.data(); }
  const double *y() const { return y_.data(); }
  const double *z() const { return z_.data(); }

  // Image inside the cell of any point; `whole` receives the number of cells taken off.
  std::array<double, 3> wrapped(const double *point, std::array<int, 3> &whole) const;

  // Slot of the image of point j that lies where j was given, seen from a point from which `whole` cells were taken
  // off; `none` if that is beyond the radius.
  std::size_t slot(std::size_t j, const std::array<int, 3> &whole) const;

  // Calls visit(begin, end) for ranges of slots that together hold every image within the radius of the wrapped `at`.
  template <typename Visit> void ranges(const std::array<double, 3> &at, Visit visit) const
  {
    const double square = radius_ * radius_ * (1.0 + 1e-12);
    const auto rows = static_cast<std::size_t>(bins_[1]), layers = static_cast<std::size_t>(bins_[2]);
    for (int p = bin(at[0] - radius_, 0); p <= bin(at[0] + radius_, 0); ++p) {
      const double dx = gap(at[0], 0, p);
      for (int q = bin(at[1] - radius_, 1); q <= bin(at[1] + radius_, 1); ++q) {
        const double dy = gap(at[1], 1, q), rest = square - dx * dx - dy * dy;
        if (rest < 0.0) continue;
        const double height = std::sqrt(rest) + 1e-9;
        const std::size_t column = (static_cast<std::size_t>(p) * rows + static_cast<std::size_t>(q)) * layers;
        const std::size_t begin = start_[column + static_cast<std::size_t>(bin(at[2] - height, 2))];
        const std::size_t end = start_[column + static_cast<std::size_t>(bin(at[2] + height, 2)) + 1];
        if (begin != end) visit(begin, end);
      }
    }
  }

 private:
  int bin(double value, std::size_t d) const
  {
    return std::clamp(static_cast<int>((value - lowest_[d]) * per_width_), 0, bins_[d] - 1);
  }
  double gap(double value, std::size_t d, int b) const  // from `value` to the nearest edge of bin b, 0 inside
  {
    const double low = lowest_[d] + b * width_;
    return std::max({0.0, low - value - 1e-9, value - low - width_ - 1e-9});
  }
  void enumerate(const double *points);
  void sort();

  std::size_t n_;
  double radius_, width_, per_width_;
  PeriodicBox box_;
  std::array<double, 3> lowest_{};
  std::array<int, 3> bins_{{1, 1, 1}};
  std::vector<double> x_, y_, z_;
  std::vector<std::array<int, 3>> shift_;                 // of each image as enumerated: cells from the point as given
  std::vector<std::size_t> first_of_, place_of_, start_;  // images of a point, their slots; slots of a bin
};

}  // namespace ufp

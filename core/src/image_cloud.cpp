#include "ufp/image_cloud.hpp"

#include <string>

#include "pair_kernel.hpp"
#include "ufp/error.hpp"

namespace ufp
{

namespace
{

constexpr double POINTS_PER_BIN = 3.0;  // fewer: more bins than distances; more: distances beyond the radius
constexpr double MOST_BINS_PER_RADIUS = 6.0, LEAST_BINS_PER_RADIUS = 1.5;
constexpr double MOST_IMAGES = 5e7;

}  // namespace

ImageCloud::ImageCloud(const double *points, std::size_t n, const PeriodicBox &box, double radius)
    : n_(n), radius_(radius), width_(radius), per_width_(1.0 / radius), box_(box)
{
  if (!(radius > 0.0) || !std::isfinite(radius))
    throw DomainError("pair distances: expected a radius above 0, found " + std::to_string(radius));
  double copies = static_cast<double>(n);
  for (std::size_t d = 0; d < 3; ++d)
    if (box_.periodic[d]) copies *= 1.0 + 2.0 * radius / box_.heights[d];
  if (copies > MOST_IMAGES)
    throw DomainError("pair distances: the cell is too small for a radius of " + std::to_string(radius) + " A");
  for (std::size_t i = 0; i < 3 * n; ++i)
    if (!std::isfinite(points[i]))
      throw DomainError("pair distances: atom " + std::to_string(i / 3) + " has a position that is not finite");
  const auto expected = static_cast<std::size_t>(copies * 1.2) + 8;
  for (std::vector<double> *list : {&x_, &y_, &z_}) list->reserve(expected);
  shift_.reserve(expected);
  enumerate(points);
  sort();
}

std::array<double, 3> ImageCloud::wrapped(const double *point, std::array<int, 3> &whole) const
{
  std::array<double, 3> at{point[0], point[1], point[2]};
  for (std::size_t d = 0; d < 3; ++d) {
    box_.wrapped(point, d, 0, whole[d]);
    for (std::size_t k = 0; k < 3; ++k) at[k] -= whole[d] * box_.cell[3 * d + k];
  }
  return at;
}

void ImageCloud::enumerate(const double *points)
{
  first_of_.assign(n_ + 1, 0);
  for (std::size_t j = 0; j < n_; ++j) {
    std::array<int, 3> whole{}, low{}, high{};
    std::array<double, 3> home{points[3 * j], points[3 * j + 1], points[3 * j + 2]};
    for (std::size_t d = 0; d < 3; ++d) {
      const double f = box_.wrapped(points + 3 * j, d, j, whole[d]);
      if (!box_.periodic[d]) continue;
      for (std::size_t k = 0; k < 3; ++k) home[k] -= whole[d] * box_.cell[3 * d + k];
      const double margin = radius_ / box_.heights[d] * (1.0 + 1e-10) + 1e-10;
      low[d] = static_cast<int>(std::ceil(-margin - f));
      high[d] = static_cast<int>(std::floor(1.0 + margin - f));
    }
    std::array<int, 3> n{};
    for (n[0] = low[0]; n[0] <= high[0]; ++n[0])
      for (n[1] = low[1]; n[1] <= high[1]; ++n[1])
        for (n[2] = low[2]; n[2] <= high[2]; ++n[2]) {
          std::array<double, 3> at = home;
          for (std::size_t d = 0; d < 3; ++d)
            for (std::size_t k = 0; k < 3; ++k) at[k] += n[d] * box_.cell[3 * d + k];
          x_.push_back(at[0]);
          y_.push_back(at[1]);
          z_.push_back(at[2]);
          shift_.push_back({n[0] - whole[0], n[1] - whole[1], n[2] - whole[2]});
        }
    first_of_[j + 1] = x_.size();
  }
}

void ImageCloud::sort()
{
  const std::size_t images = x_.size();
  const std::array<std::vector<double> *, 3> axes{&x_, &y_, &z_};
  std::array<double, 3> length{};
  double volume = 1.0;
  for (std::size_t d = 0; d < 3; ++d) {
    if (images == 0) break;
    const auto ends = std::minmax_element(axes[d]->begin(), axes[d]->end());
    lowest_[d] = *ends.first;
    length[d] = *ends.second - *ends.first;
    volume *= std::max(length[d], radius_);
  }
  const double ideal = std::cbrt(POINTS_PER_BIN * volume / static_cast<double>(std::max<std::size_t>(images, 1)));
  width_ = std::clamp(ideal, radius_ / MOST_BINS_PER_RADIUS, radius_ / LEAST_BINS_PER_RADIUS);
  // a few points in a huge box: bins beyond the number of images would only cost memory
  while (length[0] * length[1] * length[2] / (width_ * width_ * width_) > 8.0 * static_cast<double>(images + 1000))
    width_ *= 2.0;
  per_width_ = 1.0 / width_;
  for (std::size_t d = 0; d < 3; ++d) bins_[d] = static_cast<int>(length[d] * per_width_) + 1;
  const auto rows = static_cast<std::size_t>(bins_[1]), layers = static_cast<std::size_t>(bins_[2]);
  start_.assign(static_cast<std::size_t>(bins_[0]) * rows * layers + 1, 0);
  std::vector<std::size_t> bin_of(images);
  for (std::size_t s = 0; s < images; ++s) {
    bin_of[s] = (static_cast<std::size_t>(bin(x_[s], 0)) * rows + static_cast<std::size_t>(bin(y_[s], 1))) * layers +
                static_cast<std::size_t>(bin(z_[s], 2));
    ++start_[bin_of[s] + 1];
  }
  for (std::size_t b = 0; b + 1 < start_.size(); ++b) start_[b + 1] += start_[b];
  std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
  place_of_.resize(images);
  for (std::size_t s = 0; s < images; ++s) place_of_[s] = next[bin_of[s]]++;
  std::vector<double> sorted(images + PAIR_PADDING);
  for (std::vector<double> *axis : axes) {
    axis->resize(images + PAIR_PADDING);
    for (std::size_t s = 0; s < images; ++s) sorted[place_of_[s]] = (*axis)[s];
    axis->swap(sorted);
  }
}

std::size_t ImageCloud::slot(std::size_t j, const std::array<int, 3> &whole) const
{
  for (std::size_t k = first_of_[j]; k < first_of_[j + 1]; ++k)
    if (shift_[k][0] == -whole[0] && shift_[k][1] == -whole[1] && shift_[k][2] == -whole[2]) return place_of_[k];
  return none;
}

}  // namespace ufp

#include "ufp/hop_detector.hpp"

#include <algorithm>

namespace ufp
{

namespace
{

constexpr std::int64_t anchor_memory = 50;  // frames over which the anchor follows relaxation

double distance2(const Point &a, const Point &b)
{
  const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

void move_towards(Point &mean, const Point &position, std::int64_t frames)
{
  const double weight = 1.0 / static_cast<double>(frames);
  for (std::size_t k = 0; k < 3; ++k) mean[k] += (position[k] - mean[k]) * weight;
}

}  // namespace

HopDetector::HopDetector(double outer_radius, double inner_radius, std::int64_t minimum_residence, const Point &anchor)
    : outer2_(outer_radius * outer_radius), inner2_(inner_radius * inner_radius), minimum_residence_(minimum_residence),
      anchor_(anchor), anchor_frames_(minimum_residence)
{
}

void HopDetector::stay(const Point &position) noexcept
{
  ++anchor_frames_;
  move_towards(anchor_, position, std::min(anchor_frames_, anchor_memory));
  last_home_ = frame_;
}

void HopDetector::start_candidate(const Point &position) noexcept
{
  candidate_ = position;
  candidate_frames_ = 1;
  arrival_ = frame_;
}

void HopDetector::complete_hop() noexcept
{
  hop_.leave = last_home_;
  hop_.arrive = arrival_;
  hop_.from = anchor_;
  for (std::size_t k = 0; k < 3; ++k) hop_.displacement[k] = candidate_[k] - anchor_[k];
  hop_.is_return = has_previous_ && distance2(candidate_, previous_) <= inner2_;
  previous_ = anchor_;
  has_previous_ = true;
  anchor_ = candidate_;
  anchor_frames_ = candidate_frames_;
  candidate_frames_ = 0;
  last_home_ = frame_;
}

bool HopDetector::feed(const Point &position) noexcept
{
  ++frame_;
  const double from_anchor2 = distance2(position, anchor_);
  if (from_anchor2 <= inner2_) {
    if (candidate_frames_ > 0) {
      ++excursions_;
      candidate_frames_ = 0;
    }
    stay(position);
    return false;
  }
  if (candidate_frames_ == 0) {
    if (from_anchor2 > outer2_) start_candidate(position);
  } else if (distance2(position, candidate_) <= inner2_) {
    ++candidate_frames_;
    move_towards(candidate_, position, candidate_frames_);
  } else if (from_anchor2 > outer2_) {
    start_candidate(position);
  }
  if (candidate_frames_ < minimum_residence_ || distance2(candidate_, anchor_) <= outer2_) return false;
  complete_hop();
  return true;
}

}  // namespace ufp

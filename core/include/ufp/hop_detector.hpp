// Hops of one ion found without a list of sites: an anchored state machine with hysteresis.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ufp
{

using Point = std::array<double, 3>;

struct Hop {
  std::int64_t leave;   // last frame inside the inner radius of the old anchor
  std::int64_t arrive;  // first frame of the visit that became the new anchor
  Point from;           // old anchor
  Point displacement;   // new anchor minus old anchor
  bool is_return;       // the new anchor is the one before the old anchor
};

// HOME: inside the inner radius the anchor follows slow relaxation; beyond the outer radius a candidate starts.
// CANDIDATE: back inside the inner radius of the anchor is an excursion; `minimum_residence` frames within the inner
// radius of the candidate's running mean, itself beyond the outer radius, are a hop.
class HopDetector
{
 public:
  HopDetector(double outer_radius, double inner_radius, std::int64_t minimum_residence, const Point &anchor);

  // Take the next frame; true if it completes a hop, which is then `hop()`.
  bool feed(const Point &position) noexcept;

  const Hop &hop() const noexcept { return hop_; }
  std::int64_t excursions() const noexcept { return excursions_; }
  bool pending() const noexcept { return candidate_frames_ > 0; }

 private:
  void stay(const Point &position) noexcept;
  void start_candidate(const Point &position) noexcept;
  void complete_hop() noexcept;

  double outer2_, inner2_;
  std::int64_t minimum_residence_;
  Point anchor_, previous_{}, candidate_{};
  bool has_previous_ = false;
  std::int64_t frame_ = -1, last_home_ = 0, arrival_ = 0;
  std::int64_t anchor_frames_, candidate_frames_ = 0, excursions_ = 0;
  Hop hop_{};
};

}  // namespace ufp

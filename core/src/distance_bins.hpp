// Squared distances to counts by distance, for kernels that are compiled once for each instruction set. Internal
// linkage throughout: the same function differs between them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace ufp
{

constexpr std::size_t PAIR_PADDING = 8;  // points computed together; arrays can be read this far beyond their end

struct DistanceBins {
  double per_width;
  int bins;
  std::int64_t *counts;
};

namespace
{

// Collects those below the radius, in order and without a branch, and counts them in whole vectors.
class DistanceCounter
{
 public:
  explicit DistanceCounter(const DistanceBins &to) noexcept : to_(to)
  {
    const double radius = static_cast<double>(to.bins) / to.per_width;
    limit_ = radius * radius * (1.0 + 1e-12);
  }
  ~DistanceCounter() { flush(); }
  DistanceCounter(const DistanceCounter &) = delete;
  DistanceCounter &operator=(const DistanceCounter &) = delete;

  // The first `whole` of PAIR_PADDING squared distances, or all if that is more.
  __attribute__((always_inline)) void add(const double (&square)[PAIR_PADDING], std::size_t whole) noexcept
  {
    if (filled_ > BUFFER) flush();
#if defined(__AVX512F__)
    const __m512d values = _mm512_loadu_pd(square);
    const auto valid = static_cast<__mmask8>(whole < PAIR_PADDING ? (1u << whole) - 1u : 0xffu);
    const __mmask8 inside = _mm512_mask_cmp_pd_mask(valid, values, _mm512_set1_pd(limit_), _CMP_LT_OQ);
    _mm512_storeu_pd(square_ + filled_, _mm512_maskz_compress_pd(inside, values));
    filled_ += static_cast<std::size_t>(__builtin_popcount(inside));
#else
    if (whole > PAIR_PADDING) whole = PAIR_PADDING;
    for (std::size_t v = 0; v < whole; ++v) {
      square_[filled_] = square[v];
      filled_ += square[v] < limit_ ? 1 : 0;
    }
#endif
  }

 private:
  static constexpr std::size_t BUFFER = 256;

  void flush() noexcept
  {
    int bin[BUFFER + 2 * PAIR_PADDING];
    for (std::size_t v = 0; v < PAIR_PADDING; ++v) square_[filled_ + v] = 0.0;
    for (std::size_t first = 0; first < filled_; first += PAIR_PADDING)
      for (std::size_t s = first; s < first + PAIR_PADDING; ++s)
        bin[s] = static_cast<int>(std::sqrt(square_[s]) * to_.per_width);
    for (std::size_t s = 0; s < filled_; ++s)
      if (bin[s] < to_.bins) ++to_.counts[bin[s]];
    filled_ = 0;
  }

  DistanceBins to_;
  double limit_;
  std::size_t filled_ = 0;
  double square_[BUFFER + 2 * PAIR_PADDING];  // up to BUFFER + PAIR_PADDING values and one vector more
};

}  // namespace

}  // namespace ufp

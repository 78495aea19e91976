#include "ufp/invariant_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "gaussian_kernel.hpp"
#include "ufp/error.hpp"
#include "ufp/simd.hpp"

namespace ufp
{
namespace
{

GaussianKernel gaussian_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return gaussian_kernel_avx512;
  case Simd::avx2:
    return gaussian_kernel_avx2;
#endif
  default:
    return gaussian_kernel_baseline;
  }
}

}  // namespace

InvariantKernel::InvariantKernel(const InvariantKernelSpec &spec, std::size_t kinds)
    : size_(spec.points.size()), cutoff_(spec.cutoff), first_(kinds + 1, 0), point_(pair_invariants * size_),
      gaussians_(gaussian_kernel())
{
  const auto refuse = [](const std::string &text) { throw DomainError("kernel of pairs: " + text); };
  if (spec.kind.size() != size_)
    refuse("expected a kind for each of " + std::to_string(size_) + " references, found " +
           std::to_string(spec.kind.size()));
  if (!(cutoff_ >= 0) || !std::isfinite(cutoff_)) refuse("expected a cutoff, found " + std::to_string(cutoff_));
  if (size_ == 0) return;
  if (cutoff_ == 0) refuse("expected a cutoff above 0");
  if (!std::is_sorted(spec.kind.begin(), spec.kind.end()) || spec.kind.front() < 0 ||
      static_cast<std::size_t>(spec.kind.back()) >= kinds)
    refuse("expected references ordered by kind, from 0 to " + std::to_string(kinds - 1));
  for (std::size_t d = 0; d < pair_invariants; ++d) {
    if (!(spec.scale[d] > 0) || !std::isfinite(spec.scale[d])) refuse("expected scales above 0");
    inverse_[d] = 1 / spec.scale[d];
  }
  for (std::size_t m = 0; m < size_; ++m) {
    for (std::size_t d = 0; d < pair_invariants; ++d) {
      if (!std::isfinite(spec.points[m][d])) refuse("expected finite invariants");
      point_[d * size_ + m] = spec.points[m][d];
    }
    ++first_[static_cast<std::size_t>(spec.kind[m]) + 1];
  }
  for (std::size_t k = 0; k < kinds; ++k) first_[k + 1] += first_[k];
}

void InvariantKernel::evaluate(std::size_t kind, const PairInvariants &x, double *out) const noexcept
{
  constexpr double pi = 3.14159265358979323846;
  const std::size_t begin = first_[kind];
  PairInvariants scaled{};
  for (std::size_t d = 0; d < pair_invariants; ++d) scaled[d] = x[d] * inverse_[d];
  gaussians_({first_[kind + 1] - begin, size_, pair_invariants, scaled.data(), point_.data() + begin,
              0.5 * (1 + std::cos(pi * x[0] / cutoff_)), out});
}

}  // namespace ufp

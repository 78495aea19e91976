// Sums of displacement products over blocks of time origins: mean-square displacements with their time-block errors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ufp
{

// For one ion with `series` (3, n_frames), component-major: for every origin t0 with first <= t0 < last, the products
// xx yy zz xy xz yz of x(t0 + lag) - x(t0) are summed into `sums[6]`. The caller keeps last + lag <= n_frames.
// Throws DomainError if UFP_SIMD names no instruction set that is available here.
void displacement_sums(const double *series, std::size_t n_frames, std::size_t lag, std::size_t first, std::size_t last,
                       double *sums);

}  // namespace ufp

// Running median of one series: keeps steps sharp and removes excursions of up to `half` frames.
#pragma once

#include <cstddef>
#include <vector>

namespace ufp
{

// out[t] = median of x[t-h] ... x[t+h] with h = min(half, t, n-1-t): the window shrinks symmetrically at both ends.
// `window` is scratch of the caller. `x` must be finite; `out` must not overlap `x`.
void running_median(const double *x, std::size_t n, std::size_t half, double *out, std::vector<double> &window);

}  // namespace ufp

#include "ufp/running_median.hpp"

#include <algorithm>

namespace ufp
{

namespace
{

void insert_sorted(std::vector<double> &window, double value)
{
  window.insert(std::upper_bound(window.begin(), window.end(), value), value);
}

void erase_sorted(std::vector<double> &window, double value)
{
  window.erase(std::lower_bound(window.begin(), window.end(), value));
}

// One shift between the two places instead of an erase and an insert: the two values are usually close.
void replace_sorted(std::vector<double> &window, double old_value, double new_value)
{
  auto place = std::lower_bound(window.begin(), window.end(), old_value);
  if (new_value > old_value) {
    for (; place + 1 != window.end() && *(place + 1) < new_value; ++place) *place = *(place + 1);
  } else {
    for (; place != window.begin() && *(place - 1) > new_value; --place) *place = *(place - 1);
  }
  *place = new_value;
}

}  // namespace

void running_median(const double *x, std::size_t n, std::size_t half, double *out, std::vector<double> &window)
{
  window.clear();
  std::size_t first = 0, end = 0;
  for (std::size_t t = 0; t < n; ++t) {
    const std::size_t h = std::min({half, t, n - 1 - t});
    if (end == t + h && first + 1 == t - h) {
      replace_sorted(window, x[first++], x[end++]);
    } else {
      while (end < t + h + 1) insert_sorted(window, x[end++]);
      while (first < t - h) erase_sorted(window, x[first++]);
    }
    out[t] = window[h];
  }
}

}  // namespace ufp

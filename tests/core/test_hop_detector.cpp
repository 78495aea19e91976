// The detector on paths small enough to follow by hand; running median and bonds likewise.
#include "check.hpp"

#include <vector>

#include "ufp/bonds.hpp"
#include "ufp/displacements.hpp"
#include "ufp/hop_detector.hpp"
#include "ufp/running_median.hpp"

namespace
{

ufp::Point at(double x)
{
  return {x, 0.0, 0.0};
}

void there_and_back()
{
  ufp::HopDetector detector(1.0, 0.65, 3, at(0.0));
  int hops = 0;
  const std::vector<double> path = {0, 0, 0, 2, 2, 2, 2, 0, 0, 0};
  for (std::size_t t = 0; t < path.size(); ++t) {
    if (!detector.feed(at(path[t]))) continue;
    ++hops;
    if (hops == 1) {
      CHECK(t == 5 && detector.hop().leave == 2 && detector.hop().arrive == 3 && !detector.hop().is_return);
      CHECK_CLOSE(detector.hop().displacement[0], 2.0, 1e-12);
    } else {
      CHECK(t == 9 && detector.hop().leave == 6 && detector.hop().arrive == 7 && detector.hop().is_return);
    }
  }
  CHECK(hops == 2 && detector.excursions() == 0 && !detector.pending());
}

void excursion_and_pending()
{
  ufp::HopDetector detector(1.0, 0.65, 3, at(0.0));
  for (const double x : {0.0, 2.0, 2.0, 0.0, 0.8, 0.0, 2.0}) CHECK(!detector.feed(at(x)));
  CHECK(detector.excursions() == 1);
  CHECK(detector.pending());
}

void median_shrinks_at_the_ends()
{
  const double x[] = {5, 1, 4, 2, 9};
  double out[5];
  std::vector<double> window;
  ufp::running_median(x, 5, 2, out, window);
  const double expected[] = {5, 4, 4, 4, 9};
  for (int t = 0; t < 5; ++t) CHECK_CLOSE(out[t], expected[t], 0.0);
}

void bond_with_two_radii()
{
  const double distance[] = {3.2, 3.4, 3.6, 3.2, 3.0, 3.4};
  std::int16_t count[6] = {};
  ufp::add_bond(distance, 6, 3.1, 3.5, count);
  const int expected[] = {1, 1, 0, 0, 1, 1};
  for (int t = 0; t < 6; ++t) CHECK(count[t] == expected[t]);
}

void displacements_of_a_line()
{
  const double series[] = {0, 1, 3, 0, 0, 0, 0, 2, 4};  // x, y, z of three frames
  double sums[6] = {};
  ufp::displacement_sums(series, 3, 1, 0, 2, sums);
  const double expected[] = {5, 0, 8, 0, 6, 0};
  for (int k = 0; k < 6; ++k) CHECK_CLOSE(sums[k], expected[k], 1e-12);
}

}  // namespace

int main()
{
  there_and_back();
  excursion_and_pending();
  median_shrinks_at_the_ends();
  bond_with_two_radii();
  displacements_of_a_line();
  return 0;
}

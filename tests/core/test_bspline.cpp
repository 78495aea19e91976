#include <array>
#include <vector>

#include "check.hpp"
#include "ufp/bspline.hpp"

using ufp::SplineAxis;

namespace
{

// Cox and de Boor's recursion in numbers, value and derivative: the oracle.
double basis(const std::vector<double> &t, std::size_t i, std::size_t degree, double r)
{
  if (degree == 0) return t[i] <= r && r < t[i + 1] ? 1 : 0;
  double out = 0;
  if (t[i + degree] > t[i]) out += (r - t[i]) / (t[i + degree] - t[i]) * basis(t, i, degree - 1, r);
  if (t[i + degree + 1] > t[i + 1])
    out += (t[i + degree + 1] - r) / (t[i + degree + 1] - t[i + 1]) * basis(t, i + 1, degree - 1, r);
  return out;
}

double slope(const std::vector<double> &t, std::size_t i, double r)
{
  double out = 0;
  if (t[i + 3] > t[i]) out += 3 / (t[i + 3] - t[i]) * basis(t, i, 2, r);
  if (t[i + 4] > t[i + 1]) out -= 3 / (t[i + 4] - t[i + 1]) * basis(t, i + 1, 2, r);
  return out;
}

void compare(const std::vector<double> &t)
{
  const SplineAxis axis(t, t.back());
  for (int step = 0; step < 1000; ++step) {
    const double r = axis.lo() + (axis.hi() - axis.lo()) * step / 1000.0;
    std::array<double, 4> b{}, db{};
    const int first = axis.evaluate(r, b.data(), db.data());
    for (int i = 0; i < 4; ++i) {
      const int n = first + i - axis.padding_front();
      if (n < 0 || n + 4 >= static_cast<int>(t.size())) continue;  // a basis function of the padding
      CHECK_CLOSE(b[static_cast<std::size_t>(i)], basis(t, static_cast<std::size_t>(n), 3, r), 1e-13);
      CHECK_CLOSE(db[static_cast<std::size_t>(i)], slope(t, static_cast<std::size_t>(n), r), 1e-12);
    }
  }
}

}  // namespace

int main()
{
  const std::vector<double> uniform = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6};
  const SplineAxis axis(uniform, 6.0);
  CHECK(axis.uniform());
  CHECK(axis.size() == 9);
  CHECK(axis.intervals() == 6);

  // at an inner knot of a uniform vector
  double b[4], db[4];
  CHECK(axis.evaluate(3.0, b, db) == 3);
  const double value[] = {1.0 / 6, 2.0 / 3, 1.0 / 6, 0}, derivative[] = {-0.5, 0, 0.5, 0};
  for (int i = 0; i < 4; ++i) {
    CHECK_CLOSE(b[i], value[i], 1e-15);
    CHECK_CLOSE(db[i], derivative[i], 1e-15);
  }

  // the interval is always one of the axis, also outside it
  CHECK(axis.interval(-1e300) == 0);
  CHECK(axis.interval(1e300) == 5);
  CHECK(axis.interval(6.0) == 5);
  CHECK(axis.interval(0.0 / 1.0) == 0);

  compare(uniform);
  compare({1, 1, 1, 1, 1.5, 1.75, 2.5, 2.625, 4, 4, 4, 4});    // unequal steps
  compare({1, 1, 1, 1, 1.5, 1.5, 2.5, 2.5, 2.5, 4, 4, 4, 4});  // repeated inner knots
  compare({1, 1.001, 1.002, 1.003, 1.004, 3.9, 4, 4, 4, 4});   // not clamped in front, very unequal
  compare({0, 1, 2, 3, 4, 5, 6, 7});                           // not clamped at all
  CHECK(!SplineAxis({1, 1, 1, 1, 1.5, 4, 4, 4, 4}, 4.0).uniform());
  CHECK(SplineAxis(uniform, 5.5).hi() == 5.5);

  // a contracted interval is the sum of basis functions
  const std::vector<double> c = {3, -1, 4, 1, -5, 9, 2, -6, 5};
  for (double r = 0.05; r < 6; r += 0.1) {
    const int s = axis.interval(r), first = axis.evaluate(r, b, db);
    double p[4], sum = 0;
    axis.contract(s, c.data(), p);
    for (int i = 0; i < 4; ++i) sum += c[static_cast<std::size_t>(first + i)] * b[i];
    const double x = r - axis.breaks()[static_cast<std::size_t>(s)];
    CHECK_CLOSE(((p[3] * x + p[2]) * x + p[1]) * x + p[0], sum, 1e-13);
  }
  return 0;
}

// Spellings of isotopes, constants, and principal values of tensors with known eigenvalues.
#include "ufp/quadrupole.hpp"

#include <cmath>
#include <string>

#include "check.hpp"
#include "ufp/error.hpp"

namespace
{

std::string refusal(const std::string &name)
{
  try {
    ufp::find_isotope(name);
  } catch (const ufp::DomainError &error) {
    return error.what();
  }
  return "";
}

void isotopes()
{
  for (const char *const name : {"7Li", "Li7", "Li-7", "7-li", "7LI"}) CHECK(ufp::find_isotope(name).name == "7Li");
  CHECK(ufp::element_of(ufp::find_isotope("23Na")) == "Na");
  CHECK(ufp::find_isotope("17O").spin == 2.5);
  CHECK(refusal("31P") == "31P has spin 1/2 and no quadrupole moment; expected an isotope with I >= 1, such as 7Li");
  for (const char *const name : {"", "Li", "7", "8Li", "7Li7", "7 Li", "7--Lithium", "77777777777777777777Li"})
    CHECK(refusal(name).find("in the table of quadrupole moments") != std::string::npos);
  CHECK_CLOSE(ufp::coupling_khz(-40.1), -96.961369, 5e-7);
}

// R diag(a, b, -a-b) Rᵀ
void tensor(double a, double b, double *V)
{
  const double c = std::cos(0.7), s = std::sin(0.7), ct = std::cos(1.1), st = std::sin(1.1);
  const double R[3][3] = {{c, -s * ct, s * st}, {s, c * ct, -c * st}, {0, st, ct}}, d[] = {a, b, -a - b};
  const int index[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (int k = 0; k < 6; ++k) {
    V[k] = 0;
    for (int m = 0; m < 3; ++m) V[k] += R[index[k][0]][m] * d[m] * R[index[k][1]][m];
  }
}

void principal_values()
{
  double V[6];
  for (const double eta : {0.0, 1e-12, 1e-6, 0.3, 0.9, 0.999999})
    for (const double vzz : {1.0, -1.0, 3e-9, -2e7}) {
      tensor(-vzz * (1 - eta) / 2, vzz, V);
      CHECK_CLOSE(ufp::largest_principal_value(V) / vzz, 1, 1e-12);
    }
  tensor(0, 0, V);
  CHECK(ufp::largest_principal_value(V) == 0);
  tensor(std::nan(""), 1, V);
  CHECK(std::isnan(ufp::largest_principal_value(V)));
  const double x[] = {1, 0, 0}, y[] = {0, 1, 0}, z[] = {0, 0, 1}, xy[] = {std::sqrt(0.5), std::sqrt(0.5), 0};
  const double W[] = {1, 2, -3, 0.5, 0.25, 0.125};
  CHECK_CLOSE(ufp::along(W, x), 1, 0);
  CHECK_CLOSE(ufp::along(W, y), 2, 0);
  CHECK_CLOSE(ufp::along(W, z), -3, 0);
  CHECK_CLOSE(ufp::along(W, xy), 2, 1e-15);
}

}  // namespace

int main()
{
  isotopes();
  principal_values();
}

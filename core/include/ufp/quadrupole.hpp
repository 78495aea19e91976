// From field gradient tensors to quadrupolar frequencies: isotopes, e Q/h, principal values.
#pragma once

#include <string>
#include <vector>

namespace ufp
{

// The table is that of python/ufpnmr/isotopes.py, which names the sources; a test compares the two.
struct Isotope {
  std::string name;  // 7Li
  double spin;
  double moment;  // electric quadrupole moment, mb (1e-31 m²), with its sign
};

const std::vector<Isotope> &quadrupolar_isotopes();
// Of "7Li", "Li7" or "li-7". Throws DomainError: not in the table, or spin 1/2 and so no quadrupole moment.
Isotope find_isotope(const std::string &name);
// Symbol of the element: Li of 7Li.
std::string element_of(const Isotope &isotope);

// κ = eQ/h in kHz per V/Å², CODATA 2022.
double coupling_khz(double moment) noexcept;
// V along a unit vector, b·V·b; V is xx yy zz xy xz yz.
double along(const double *V, const double *b) noexcept;
// The eigenvalue of largest magnitude of a symmetric traceless V, with its sign.
double largest_principal_value(const double *V) noexcept;

}  // namespace ufp

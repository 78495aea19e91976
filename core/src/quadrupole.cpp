#include "ufp/quadrupole.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr double elementary_charge = 1.602176634e-19, planck = 6.62607015e-34;

const char *const spin_half[] = {"1H",    "3H",    "3He",   "13C",   "15N",   "19F",   "29Si",  "31P",
                                 "57Fe",  "77Se",  "89Y",   "103Rh", "107Ag", "109Ag", "111Cd", "113Cd",
                                 "115Sn", "117Sn", "119Sn", "123Te", "125Te", "129Xe", "169Tm", "171Yb",
                                 "183W",  "187Os", "195Pt", "199Hg", "203Tl", "205Tl", "207Pb"};

bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

// 7Li of any spelling; nothing if it is none.
std::string canonical(const std::string &name)
{
  std::string digits, letters, order;
  for (const char c : name) {
    if (is_digit(c))
      digits += c;
    else if (is_letter(c))
      letters += static_cast<char>(letters.empty() ? std::toupper(c) : std::tolower(c));
    else if (c != '-')
      return "";
    const char kind = is_digit(c) ? 'd' : is_letter(c) ? 'l' : '-';
    if (order.empty() || order.back() != kind) order += kind;
  }
  const bool spelled = order == "dl" || order == "ld" || order == "d-l" || order == "l-d";
  return spelled && letters.size() <= 2 ? digits + letters : "";
}

}  // namespace

const std::vector<Isotope> &quadrupolar_isotopes()
{
  static const std::vector<Isotope> table = {
      {"2H", 1, 2.85783},    {"6Li", 1, -0.808},   {"7Li", 1.5, -40.1},  {"9Be", 1.5, 52.88},    {"10B", 3, 84.59},
      {"11B", 1.5, 40.59},   {"14N", 1, 20.44},    {"17O", 2.5, -25.58}, {"21Ne", 1.5, 101.55},  {"23Na", 1.5, 104},
      {"25Mg", 2.5, 199.4},  {"27Al", 2.5, 146.6}, {"33S", 1.5, -69.4},  {"35Cl", 1.5, -81.12},  {"37Cl", 1.5, -63.93},
      {"39K", 1.5, 60.3},    {"40K", 4, -75},      {"41K", 1.5, 73.4},   {"43Ca", 3.5, -40.8},   {"45Sc", 3.5, -220},
      {"47Ti", 2.5, 302},    {"49Ti", 3.5, 247},   {"50V", 6, 210},      {"51V", 3.5, -52},      {"53Cr", 1.5, -150},
      {"55Mn", 2.5, 330},    {"59Co", 3.5, 420},   {"61Ni", 1.5, 162},   {"63Cu", 1.5, -220},    {"65Cu", 1.5, -204},
      {"67Zn", 2.5, 122},    {"69Ga", 1.5, 171},   {"71Ga", 1.5, 107},   {"73Ge", 4.5, -196},    {"75As", 1.5, 311},
      {"79Br", 1.5, 308.7},  {"81Br", 1.5, 257.9}, {"83Kr", 4.5, 259},   {"85Rb", 2.5, 276},     {"87Rb", 1.5, 133.5},
      {"87Sr", 4.5, 305},    {"91Zr", 2.5, -176},  {"93Nb", 4.5, -320},  {"95Mo", 2.5, -22},     {"97Mo", 2.5, 255},
      {"99Tc", 4.5, -129},   {"99Ru", 2.5, 79},    {"101Ru", 2.5, 457},  {"105Pd", 2.5, 660},    {"113In", 4.5, 761},
      {"115In", 4.5, 772},   {"121Sb", 2.5, -543}, {"123Sb", 3.5, -692}, {"127I", 2.5, -688.22}, {"131Xe", 1.5, -114.6},
      {"133Cs", 3.5, -3.43}, {"135Ba", 1.5, 153},  {"137Ba", 1.5, 236},  {"138La", 5, 450},      {"139La", 3.5, 206},
      {"141Pr", 2.5, -58.9}, {"143Nd", 3.5, -630}, {"145Nd", 3.5, -330}, {"147Sm", 3.5, -259},   {"149Sm", 3.5, 75},
      {"151Eu", 2.5, 903},   {"153Eu", 2.5, 2412}, {"155Gd", 1.5, 1270}, {"157Gd", 1.5, 1350},   {"159Tb", 1.5, 1432},
      {"161Dy", 2.5, 2507},  {"163Dy", 2.5, 2648}, {"165Ho", 3.5, 3580}, {"167Er", 3.5, 3565},   {"173Yb", 2.5, 2800},
      {"175Lu", 3.5, 3490},  {"176Lu", 7, 4970},   {"177Hf", 3.5, 3365}, {"179Hf", 4.5, 3793},   {"181Ta", 3.5, 3170},
      {"185Re", 2.5, 2180},  {"187Re", 2.5, 2070}, {"189Os", 1.5, 856},  {"191Ir", 1.5, 816},    {"193Ir", 1.5, 751},
      {"197Au", 1.5, 547},   {"201Hg", 1.5, 387},  {"209Bi", 4.5, -516}, {"235U", 3.5, 4936}};
  return table;
}

Isotope find_isotope(const std::string &name)
{
  const std::string key = canonical(name);
  if (std::find(std::begin(spin_half), std::end(spin_half), key) != std::end(spin_half))
    throw DomainError(key + " has spin 1/2 and no quadrupole moment; expected an isotope with I >= 1, such as 7Li");
  for (const Isotope &isotope : quadrupolar_isotopes())
    if (isotope.name == key) return isotope;
  throw DomainError("no isotope '" + name +
                    "' in the table of quadrupole moments; expected mass number and symbol, such as '7Li'");
}

std::string element_of(const Isotope &isotope)
{
  return isotope.name.substr(isotope.name.find_first_not_of("0123456789"));
}

double coupling_khz(double moment) noexcept
{
  return elementary_charge * moment * 1e-31 / planck * 1e20 * 1e-3;
}

double along(const double *V, const double *b) noexcept
{
  return V[0] * b[0] * b[0] + V[1] * b[1] * b[1] + V[2] * b[2] * b[2] +
         2 * (V[3] * b[0] * b[1] + V[4] * b[0] * b[2] + V[5] * b[1] * b[2]);
}

// The eigenvalues are 2p cos((φ + 2πk)/3), p² = V:V/6 and cos φ = det V/2p³; that of largest magnitude has the sign of
// det V and does not suffer from the steep arc cosine near 1.
double largest_principal_value(const double *V) noexcept
{
  const double square = V[0] * V[0] + V[1] * V[1] + V[2] * V[2] + 2 * (V[3] * V[3] + V[4] * V[4] + V[5] * V[5]);
  const double p = std::sqrt(square / 6);
  if (!(p > 0)) return square;  // 0, or not a number
  const double xx = V[0] / p, yy = V[1] / p, zz = V[2] / p, xy = V[3] / p, xz = V[4] / p, yz = V[5] / p;
  const double half_det = 0.5 * (xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz));
  return std::copysign(2 * p * std::cos(std::acos(std::min(std::fabs(half_det), 1.0)) / 3), half_det);
}

}  // namespace ufp

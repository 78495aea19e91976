// The unified .uf3 format, such that LAMMPS ML-UF3 reads it too.
#include <algorithm>
#include <cmath>

#include "uf3_checks.hpp"
#include "ufp/bspline.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_potential.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;

constexpr const char *symbols[] = {
    "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",  "Cl",
    "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se",
    "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb",
    "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er",
    "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At",
    "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No",
    "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

// Atomic number first; labels that are no element come last, by name.
bool before(const std::string &a, const std::string &b)
{
  const auto place = [](const std::string &s) { return std::find(std::begin(symbols), std::end(symbols), s); };
  const auto x = place(a), y = place(b);
  return x != y ? x < y : a < b;
}

bool uniform(const std::vector<double> &knots)
{
  const auto clamped = [](auto begin, double value) {
    return std::all_of(begin, begin + 4, [=](double t) { return t == value; });
  };
  return clamped(knots.begin(), knots.front()) && clamped(knots.rbegin(), knots.back()) && equidistant(knots);
}

bool uniform(const Uf3Potential &potential)
{
  return std::all_of(potential.pairs.begin(), potential.pairs.end(),
                     [](const auto &block) { return uniform(block.knots); }) &&
         std::all_of(potential.triplets.begin(), potential.triplets.end(), [](const auto &block) {
           return std::all_of(block.knots.begin(), block.knots.end(), [](const auto &k) { return uniform(k); });
         });
}

Uf3TripletBlock normalised(const Uf3TripletBlock &block)
{
  Uf3TripletBlock out = block;
  const auto [l, m, n] = block.shape();
  if (before(block.elements[2], block.elements[1])) {
    std::swap(out.elements[1], out.elements[2]);
    std::swap(out.knots[0], out.knots[1]);
    std::swap(out.cutoff[0], out.cutoff[1]);
    for (int i = 0; i < l; ++i)
      for (int j = 0; j < m; ++j)
        for (int k = 0; k < n; ++k)
          out.coefficients[static_cast<Index>((j * l + i) * n + k)] =
              block.coefficients[static_cast<Index>((i * m + j) * n + k)];
  }
  // pair_style uf3 compares the two as exact doubles
  if (std::fabs(out.cutoff[2] - 2 * out.cutoff[0]) <= 1e-8) out.cutoff[2] = 2 * out.cutoff[0];
  return out;
}

void require_loadable(const Uf3Potential &potential)
{
  const auto refuse = [](const std::string &message) {
    throw DomainError(message + ": pair_style uf3 cannot load this potential");
  };
  const std::vector<std::string> elements = potential.elements();
  for (Index a = 0; a < elements.size(); ++a)
    for (Index b = a; b < elements.size(); ++b)
      if (!potential.find_pair(elements[a], elements[b]))
        refuse("expected a block 2B " + elements[a] + " " + elements[b] + ", found none");
  if (potential.triplets.empty()) return;
  for (const std::string &centre : elements)
    for (Index a = 0; a < elements.size(); ++a)
      for (Index b = a; b < elements.size(); ++b)
        if (!potential.find_triplet(centre, elements[a], elements[b]))
          refuse("expected a block 3B " + centre + " " + elements[a] + " " + elements[b] + ", found none");
  for (const auto &triplet : potential.triplets) {
    const Uf3TripletBlock block = normalised(triplet);
    const auto &rc = block.cutoff;
    if (rc[0] != rc[1] || rc[2] != 2 * rc[0])
      refuse(name_of(block) + ": expected cutoffs rc_ij = rc_ik and rc_jk = 2 rc_ij, found " + shortest(rc[0]) + " " +
             shortest(rc[1]) + " " + shortest(rc[2]));
  }
}

std::string row(const double *values, Index n)
{
  std::string out;
  for (Index i = 0; i < n; ++i) out += (i ? " " : "") + shortest(values[i]);
  return out + "\n";
}

std::string row(const std::vector<double> &values)
{
  return row(values.data(), values.size());
}

std::string one_word(std::string text)
{
  std::replace(text.begin(), text.end(), ' ', '_');
  return text.empty() ? "none" : text;
}

}  // namespace

std::string write_uf3(const Uf3Potential &potential, const Uf3WriteOptions &options)
{
  if (!options.allow_unloadable) require_loadable(potential);
  const std::string kind = uniform(potential) ? "uk\n" : "nk\n";
  const std::string header = "#UF3 POT UNITS: metal DATE: " + potential.date +
                             " AUTHOR: " + one_word(potential.author) + " CITATION: " + potential.citation + "\n";
  std::string out;
  for (const auto &block : potential.pairs) {
    out += header + name_of(block) + " 0 3 " + kind;
    out += shortest(block.cutoff) + " " + std::to_string(block.knots.size()) + "\n" + row(block.knots);
    out += std::to_string(block.coefficients.size()) + "\n" + row(block.coefficients) + "#\n";
  }
  for (const auto &triplet : potential.triplets) {
    const Uf3TripletBlock block = normalised(triplet);
    out += header + name_of(block) + " 0 3 " + kind;
    for (const Index a : {2u, 1u, 0u}) out += shortest(block.cutoff[a]) + " ";
    for (const Index a : {2u, 1u, 0u}) out += std::to_string(block.knots[a].size()) + (a > 0 ? " " : "\n");
    for (const Index a : {2u, 1u, 0u}) out += row(block.knots[a]);
    const auto [l, m, n] = block.shape();
    out += std::to_string(l) + " " + std::to_string(m) + " " + std::to_string(n) + "\n";
    for (int i = 0; i < l * m; ++i)
      out += row(&block.coefficients[static_cast<Index>(i) * static_cast<Index>(n)], static_cast<Index>(n));
    out += "#\n";
  }
  for (const auto &[element, energy] : potential.onebody)
    out += "#UFP ONEBODY " + element + " " + shortest(energy) + "\n";
  for (const std::string &record : potential.records) out += record + "\n";
  return out;
}

}  // namespace ufp

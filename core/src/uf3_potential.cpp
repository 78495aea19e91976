#include "ufp/uf3_potential.hpp"

#include <algorithm>
#include <cmath>
#include <locale>
#include <sstream>

#include "uf3_checks.hpp"
#include "ufp/bspline.hpp"
#include "ufp/error.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;

std::string count_of(Index n, const char *what)
{
  return std::to_string(n) + " " + what;
}

void require(const std::string &problem, const std::string &where)
{
  if (!problem.empty()) throw DomainError(where + ": " + problem);
}

void require_finite(const std::vector<double> &values, const std::string &where)
{
  for (const double v : values)
    if (!std::isfinite(v)) throw DomainError(where + ": expected finite numbers, found " + shortest(v));
}

void require_count(Index expected, Index found, const std::string &where)
{
  if (expected != found)
    throw DomainError(where + ": expected " + count_of(expected, "coefficients") + ", found " + std::to_string(found));
}

void check_axis(KnotKind kind, double cutoff, const std::vector<double> &knots, const std::string &where)
{
  require_finite(knots, where);
  require(knots_problem(knots), where);
  require(kind_problem(kind, knots), where);
  require(cutoff_problem(cutoff, knots), where);
}

}  // namespace

std::string shortest(double value)
{
  std::ostringstream out;
  out.imbue(std::locale::classic());
  for (int digits = 15; digits <= 17; ++digits) {
    out.str("");
    out.precision(digits);
    out << value;
    std::istringstream in(out.str());
    in.imbue(std::locale::classic());
    double back = 0;
    if ((in >> back) && back == value) break;
  }
  const std::string text = out.str();
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

std::string name_of(const Uf3PairBlock &block)
{
  return "2B " + block.elements[0] + " " + block.elements[1];
}

std::string name_of(const Uf3TripletBlock &block)
{
  return "3B " + block.elements[0] + " " + block.elements[1] + " " + block.elements[2];
}

std::string knots_problem(const std::vector<double> &knots)
{
  if (knots.size() < 8) return "expected at least 8 knots, found " + std::to_string(knots.size());
  if (knots.front() < 0) return "expected knots from zero upwards, found " + shortest(knots.front());
  for (Index i = 1; i < knots.size(); ++i)
    if (knots[i] < knots[i - 1])
      return "expected knots that do not decrease, found " + shortest(knots[i]) + " after " + shortest(knots[i - 1]);
  for (Index i = 4; i < knots.size(); ++i)
    if (knots[i] == knots[i - 4])
      return "expected a knot at most four times, found " + shortest(knots[i]) + " more often";
  return "";
}

std::string kind_problem(KnotKind kind, const std::vector<double> &knots)
{
  // looser than the test that selects the fast look-up: knots are rounded when they are written
  if (kind == KnotKind::nonuniform || equidistant(knots, 1e-6)) return "";
  return "expected equidistant knots (kind uk), found unequal steps (kind nk)";
}

std::string cutoff_problem(double cutoff, const std::vector<double> &knots)
{
  if (!(cutoff > knots.front()))
    return "expected a cutoff above the first knot " + shortest(knots.front()) + ", found " + shortest(cutoff);
  // knots may be rounded to fewer digits than the cutoff
  if (cutoff > knots.back() + 1e-8)
    return "expected a cutoff up to the last knot " + shortest(knots.back()) + ", found " + shortest(cutoff);
  return "";
}

std::string symmetrise(Uf3TripletBlock &block)
{
  if (block.elements[1] != block.elements[2]) return "";
  const auto [l, m, n] = block.shape();
  if (l != m || block.knots[0] != block.knots[1] || block.cutoff[0] != block.cutoff[1])
    return "expected the same knots and cutoff on both legs to " + block.elements[1] + ", found different ones";
  double largest = 0;
  for (const double c : block.coefficients) largest = std::max(largest, std::fabs(c));
  for (int i = 0; i < l; ++i)
    for (int j = 0; j < i; ++j)
      for (int k = 0; k < n; ++k) {
        double &a = block.coefficients[static_cast<Index>((i * m + j) * n + k)];
        double &b = block.coefficients[static_cast<Index>((j * m + i) * n + k)];
        if (std::fabs(a - b) > 1e-10 * largest)
          return "expected coefficients symmetric in the two legs to " + block.elements[1] + ", found c[" +
                 std::to_string(i) + "][" + std::to_string(j) + "][" + std::to_string(k) + "] = " + shortest(a) +
                 " and c[" + std::to_string(j) + "][" + std::to_string(i) + "][" + std::to_string(k) +
                 "] = " + shortest(b);
        if (a != b) a = b = 0.5 * (a + b);
      }
  return "";
}

std::array<int, 3> Uf3TripletBlock::shape() const
{
  std::array<int, 3> out{};
  for (Index a = 0; a < 3; ++a) out[a] = static_cast<int>(knots[a].size()) - 4;
  return out;
}

std::vector<std::string> Uf3Potential::elements() const
{
  std::vector<std::string> out;
  const auto add = [&](const std::string &element) {
    if (std::find(out.begin(), out.end(), element) == out.end()) out.push_back(element);
  };
  for (const auto &block : pairs) std::for_each(block.elements.begin(), block.elements.end(), add);
  for (const auto &block : triplets) std::for_each(block.elements.begin(), block.elements.end(), add);
  return out;
}

const Uf3PairBlock *Uf3Potential::find_pair(const std::string &a, const std::string &b) const
{
  for (const auto &block : pairs)
    if ((block.elements[0] == a && block.elements[1] == b) || (block.elements[0] == b && block.elements[1] == a))
      return &block;
  return nullptr;
}

const Uf3TripletBlock *Uf3Potential::find_triplet(const std::string &centre, const std::string &j,
                                                  const std::string &k) const
{
  for (const auto &block : triplets) {
    const auto &e = block.elements;
    if (e[0] == centre && ((e[1] == j && e[2] == k) || (e[1] == k && e[2] == j))) return &block;
  }
  return nullptr;
}

void validate(Uf3Potential &potential, const std::string &label)
{
  for (Index i = 0; i < potential.pairs.size(); ++i) {
    const Uf3PairBlock &block = potential.pairs[i];
    const std::string where = label + ": " + name_of(block);
    check_axis(block.kind, block.cutoff, block.knots, where);
    require_count(block.knots.size() - 4, block.coefficients.size(), where);
    require_finite(block.coefficients, where);
    if (potential.find_pair(block.elements[0], block.elements[1]) != &block)
      throw DomainError(where + ": expected one block, found two");
  }
  for (Uf3TripletBlock &block : potential.triplets) {
    const std::string where = label + ": " + name_of(block);
    for (Index a = 0; a < 3; ++a) check_axis(block.kind, block.cutoff[a], block.knots[a], where);
    const auto [l, m, n] = block.shape();
    require_count(static_cast<Index>(l) * static_cast<Index>(m) * static_cast<Index>(n), block.coefficients.size(),
                  where);
    require_finite(block.coefficients, where);
    require(symmetrise(block), where);
    if (potential.find_triplet(block.elements[0], block.elements[1], block.elements[2]) != &block)
      throw DomainError(where + ": expected one block, found two");
  }
  for (const auto &[element, energy] : potential.onebody)
    if (!std::isfinite(energy))
      throw DomainError(label + ": one-body " + element + ": expected a finite energy, found " + shortest(energy));
}

}  // namespace ufp

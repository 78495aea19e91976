#include "efg_columns.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "fmt/format.h"
#include "ufp/error.hpp"

using namespace LAMMPS_NS;

namespace
{

const char *const keywords[] = {"isotope", "quadrupole", "field", "precision", "omega_q", "c_q"};
const char *const column_names[] = {"omega_q", "c_q"};

// The words of a command, taken one after the other.
class Words
{
 public:
  explicit Words(const std::vector<std::string> &words) : words_(words) {}

  bool left() const { return next_ < words_.size(); }
  std::string take(const std::string &expected)
  {
    if (!left()) throw ufp::DomainError("expected " + expected + ", found nothing");
    return words_[next_++];
  }
  double number(const std::string &expected)
  {
    const std::string word = take(expected);
    char *end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (word.empty() || *end != '\0' || !std::isfinite(value))
      throw ufp::DomainError("expected " + expected + ", found " + word);
    return value;
  }

 private:
  const std::vector<std::string> &words_;
  std::size_t next_ = 0;
};

}  // namespace

bool EfgOptions::is_keyword(const std::string &word)
{
  return std::find(std::begin(keywords), std::end(keywords), word) != std::end(keywords);
}

EfgOptions EfgOptions::parse(const std::vector<std::string> &words)
{
  EfgOptions options;
  bool moment = false, field = false;
  Words in(words);
  while (in.left()) {
    const std::string key = in.take("a keyword");
    if (key == "isotope") {
      const double given = options.isotope.moment;
      options.isotope = ufp::find_isotope(in.take("isotope NAME, such as 7Li"));
      if (moment) options.isotope.moment = given;
    } else if (key == "quadrupole") {
      options.isotope.moment = in.number("quadrupole MOMENT in mb");
      if (options.isotope.moment == 0) throw ufp::DomainError("expected a quadrupole moment that is not zero, found 0");
      moment = options.given_moment = true;
    } else if (key == "field") {
      double square = 0;
      for (double &b : options.field) {
        b = in.number("field X Y Z");
        square += b * b;
      }
      if (!(square > 0)) throw ufp::DomainError("expected a field with a direction, found the length 0");
      for (double &b : options.field) b /= std::sqrt(square);
      field = true;
    } else if (key == "precision") {
      const std::string value = in.take("precision single|double");
      if (value != "single" && value != "double")
        throw ufp::DomainError("expected precision single|double, found " + value);
      options.precision = value == "single" ? ufp::Precision::single : ufp::Precision::full;
    } else if (key == "omega_q" || key == "c_q") {
      const EfgColumn column = key == "omega_q" ? EfgColumn::omega_q : EfgColumn::c_q;
      if (std::count(options.columns.begin(), options.columns.end(), column) > 0)
        throw ufp::DomainError("expected " + key + " once, found it twice");
      options.columns.push_back(column);
    } else {
      throw ufp::DomainError("expected isotope, quadrupole, field, precision, omega_q or c_q, found " + key);
    }
  }
  const bool frequencies = !options.columns.empty(), isotope = !options.isotope.name.empty();
  const bool omega = std::count(options.columns.begin(), options.columns.end(), EfgColumn::omega_q) > 0;
  if (frequencies && !isotope)
    throw ufp::DomainError("omega_q and c_q depend on the isotope: expected isotope NAME, such as isotope 7Li");
  if (omega && !field)
    throw ufp::DomainError("omega_q depends on the direction of the magnetic field: expected field X Y Z");
  if (!frequencies && (isotope || moment))
    throw ufp::DomainError("expected omega_q or c_q with an isotope, found neither");
  if (!omega && field) throw ufp::DomainError("expected omega_q with a field, found none");
  options.kappa_ = ufp::coupling_khz(options.isotope.moment);
  return options;
}

std::string EfgOptions::description() const
{
  if (columns.empty()) return "";
  std::string text;
  for (std::size_t k = 0; k < columns.size(); ++k)
    text += fmt::format("{}column {} {}", k == 0 ? "" : ", ", 7 + k, column_names[static_cast<int>(columns[k])]);
  text += fmt::format(" in kHz, convention harper2025, of {} (I = {:g}, Q = {:g} mb, {})", isotope.name, isotope.spin,
                      isotope.moment, given_moment ? "given in the input" : "Pyykkö, Mol. Phys. 116, 1328 (2018)");
  if (std::count(columns.begin(), columns.end(), EfgColumn::omega_q) > 0)
    text += fmt::format(", field along ({:.6g}, {:.6g}, {:.6g})", field[0], field[1], field[2]);
  return text;
}

void EfgOptions::write(const double *V, const double *rotation, bool has_isotope, double *row) const
{
  std::copy_n(V, 6, row);
  if (rotation) {
    static const int place[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
    for (int a = 0; a < 3; ++a)
      for (int b = a; b < 3; ++b) {
        double sum = 0;
        for (int c = 0; c < 3; ++c)
          for (int d = 0; d < 3; ++d) sum += rotation[3 * a + c] * V[place[c][d]] * rotation[3 * b + d];
        row[place[a][b]] = sum;
      }
    row[2] = -(row[0] + row[1]);  // exactly traceless
  }
  for (std::size_t k = 0; k < columns.size(); ++k)
    row[6 + k] = !has_isotope                       ? 0
                 : columns[k] == EfgColumn::omega_q ? kappa_ * ufp::along(row, field.data())
                                                    : kappa_ * ufp::largest_principal_value(row);
}

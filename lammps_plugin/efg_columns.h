// What compute efg/atom writes for an ion: the tensor, and frequencies where they are asked for.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ufp/efg_predictor.hpp"
#include "ufp/quadrupole.hpp"

namespace LAMMPS_NS
{

enum class EfgColumn { omega_q, c_q };

// The keywords behind the elements.
struct EfgOptions {
  ufp::Precision precision = ufp::Precision::single;
  std::vector<EfgColumn> columns;  // behind the six of the tensor, in the order given
  ufp::Isotope isotope{"", 0, 0};
  bool given_moment = false;
  std::array<double, 3> field{};  // unit vector

  static bool is_keyword(const std::string &word);
  // words: all that follows the elements. Throws DomainError.
  static EfgOptions parse(const std::vector<std::string> &words);
  // One line for the log; empty without frequencies.
  std::string description() const;
  // The six of V, rotated by `rotation` (row by row) if there is one, then the frequencies, kHz.
  void write(const double *V, const double *rotation, bool has_isotope, double *row) const;

 private:
  double kappa_ = 0;  // kHz per V/A^2
};

}  // namespace LAMMPS_NS

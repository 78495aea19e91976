// UF3 potentials as values: what a .uf3 file holds, its parser and its writer.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace ufp
{

enum class KnotKind { uniform, nonuniform };  // "uk", "nk"

struct Uf3PairBlock {
  std::array<std::string, 2> elements;
  int lead = 0, trail = 3;  // information only: the coefficients below are complete, zeros included
  KnotKind kind = KnotKind::nonuniform;
  double cutoff = 0;                 // A
  std::vector<double> knots;         // (K) A, not decreasing
  std::vector<double> coefficients;  // (K - 4) eV
};

// Axes in the order r_ij, r_ik, r_jk with elements (i; j, k), i the centre.
struct Uf3TripletBlock {
  std::array<std::string, 3> elements;
  int lead = 0, trail = 3;
  KnotKind kind = KnotKind::nonuniform;
  std::array<double, 3> cutoff{};            // A
  std::array<std::vector<double>, 3> knots;  // A
  std::vector<double> coefficients;          // eV, [l][m][n] with n fastest

  std::array<int, 3> shape() const;  // number of coefficients along each axis
};

struct Uf3Potential {
  std::vector<Uf3PairBlock> pairs;
  std::vector<Uf3TripletBlock> triplets;
  std::vector<std::pair<std::string, double>> onebody;  // element, eV per atom
  std::string date = "none", author = "ufpnmr", citation = "none";
  std::vector<std::string> records;  // "#UFP ..." lines other than ONEBODY, kept word for word

  std::vector<std::string> elements() const;  // in order of first appearance
  const Uf3PairBlock *find_pair(const std::string &a, const std::string &b) const;
  // The block {centre; unordered pair}; its neighbours may be listed in the other order.
  const Uf3TripletBlock *find_triplet(const std::string &centre, const std::string &j, const std::string &k) const;
};

struct Uf3WriteOptions {
  bool allow_unloadable = false;  // also write what LAMMPS's pair_style uf3 cannot load (DomainError otherwise)
};

// Parse the text of a .uf3 file: the unified format, or, when the elements of the one interaction are given
// (two or three, centre first), a one-interaction file of 2022-2024. Throws ParseError "FILE:LINE: expected ..., found
// ...".
Uf3Potential parse_uf3(const std::string &text, const std::string &filename,
                       const std::vector<std::string> &elements = {});

// The same rules for a potential that does not come from a .uf3 file. Near-symmetric blocks are symmetrised.
// Throws DomainError "LABEL: pair Li-S: expected ..., found ...".
void validate(Uf3Potential &potential, const std::string &label);

// The unified format, readable by LAMMPS ML-UF3; numbers are the shortest that read back to the same double.
std::string write_uf3(const Uf3Potential &potential, const Uf3WriteOptions &options = {});

}  // namespace ufp

// The rules a block must obey, each as "" or "expected ..., found ...".
#pragma once

#include <string>
#include <vector>

#include "ufp/uf3_potential.hpp"

namespace ufp
{

std::string knots_problem(const std::vector<double> &knots);
std::string kind_problem(KnotKind kind, const std::vector<double> &knots);
std::string cutoff_problem(double cutoff, const std::vector<double> &knots);
// Coefficients of a block with equal neighbours: refused beyond 1e-10 of the largest, symmetrised below.
std::string symmetrise(Uf3TripletBlock &block);

std::string name_of(const Uf3PairBlock &block);
std::string name_of(const Uf3TripletBlock &block);

// Shortest decimal text that reads back to the same double.
std::string shortest(double value);

}  // namespace ufp

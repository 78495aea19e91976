// Single precision only where it is good enough: a model carries environments with the tensors they must give.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "ufp/efg_predictor.hpp"

namespace ufp
{

// Atoms in free space or in a cell, of which one is the centre.
struct EfgCheck {
  std::vector<int> species;
  std::vector<double> positions;   // (n, 3) Å
  std::array<double, 6> expected;  // xx yy zz xy xz yz, mean over the members
  std::size_t centre = 0;
  std::array<double, 9> cell{};
  std::array<bool, 3> periodic{};
};

constexpr double largest_single_deviation = 1e-4;  // of the scale; above it double precision is used
constexpr double largest_deviation = 1e-2;         // of the scale; above it a model is refused

// Largest deviation of a component from what the checks expect, in their unit.
double deviation(const EfgPredictor &predictor, const std::vector<EfgCheck> &checks);

// The model in the wanted precision, or in double precision where that fails its checks; `warning` then says so and is
// empty otherwise. scale: rms of the labels, in the unit of the tensors. Throws DomainError if double precision fails
// too: then file and program disagree.
EfgPredictor checked_predictor(const EfgModelArrays &model, Precision wanted, Simd simd,
                               const std::vector<EfgCheck> &checks, double scale, std::string &warning);

}  // namespace ufp

// Gaussian kernel between pairs of atoms that are described by a few invariants.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace ufp
{

struct GaussianCall;
using GaussianKernel = void (*)(const GaussianCall &) noexcept;

constexpr std::size_t pair_invariants = 8;
using PairInvariants = std::array<double, pair_invariants>;

// Reference pairs, by kind, in units of `scale`.
struct InvariantKernelSpec {
  PairInvariants scale{};              // of each invariant, above 0
  std::vector<int> kind;               // of each reference
  std::vector<PairInvariants> points;  // invariants / scale, ordered by kind
  double cutoff = 0;                   // Å, where pairs are weighted to zero; 0: no kernel
};

// k(x, x_m) = w(r) exp(-½ |x/s - x_m|²), w = ½ (1 + cos(π r / cutoff)), for the references of one kind.
class InvariantKernel
{
 public:
  InvariantKernel() = default;
  // Throws DomainError: a specification that means nothing.
  InvariantKernel(const InvariantKernelSpec &spec, std::size_t kinds);

  std::size_t size() const noexcept { return size_; }
  double cutoff() const noexcept { return cutoff_; }
  // References of a kind are those from first(kind) up to first(kind + 1).
  std::size_t first(std::size_t kind) const noexcept { return first_[kind]; }
  // out (references of the kind); the invariants begin with the distance r < cutoff.
  void evaluate(std::size_t kind, const PairInvariants &x, double *out) const noexcept;

 private:
  std::size_t size_ = 0;
  double cutoff_ = 0;
  PairInvariants inverse_{};
  std::vector<std::size_t> first_;
  std::vector<double> point_;  // (invariants, references)
  GaussianKernel gaussians_ = nullptr;
};

}  // namespace ufp

// Field gradient tensors from a sparse or collapsed SA-GPR model, in single or double precision and for the instruction
// set of this machine.
#pragma once

#include <memory>
#include <vector>

#include "ufp/environment.hpp"
#include "ufp/lambda_soap.hpp"
#include "ufp/simd.hpp"

namespace ufp
{

// y = Σ_f T_f P²_f with weighted features P² (not normalised) and invariants P⁰ of norm 1. T of an environment is
//   P⁰ B                        zeta = 2 without active environments, B = weights (invariants, features);
//   (P⁰ A)^(zeta - 1) U         element-wise power, A = active (invariants, M), U = weights (M, features);
//   the only row of weights     zeta = 1.
// Several members (a committee) share everything but the weights.
struct EfgModelArrays {
  LambdaSoapSpec spec;
  std::vector<Feature> features, invariants;  // λ = 2 and λ = 0
  int zeta = 2;
  std::vector<double> active;  // empty, or row by row
  std::size_t active_count = 0;
  std::vector<std::vector<double>> members;  // weights row by row, the label's unit in them
};

enum class Precision { single, full };

class EfgPredictor
{
 public:
  // Work space of one thread.
  class Scratch
  {
   public:
    Scratch();
    ~Scratch();
    Scratch(Scratch &&) noexcept;
    Scratch &operator=(Scratch &&) noexcept;

   private:
    friend class EfgPredictor;
    struct Memory;
    std::unique_ptr<Memory> memory_;
  };

  // Throws DomainError: features that the densities do not have, sizes that do not match, l_max above 8.
  EfgPredictor(const EfgModelArrays &model, Precision precision, Simd simd);
  ~EfgPredictor();
  EfgPredictor(EfgPredictor &&) noexcept;
  EfgPredictor &operator=(EfgPredictor &&) noexcept;

  const LambdaSoapSpec &spec() const;
  std::size_t members() const;
  Precision precision() const;
  Simd simd() const;
  std::size_t batch() const;  // environments that are worked on together

  Scratch scratch() const;
  // One environment after the other; allocates when one is larger than all before it. Every neighbour must be closer
  // than the cutoff. At most batch() environments before they are finished.
  void add(const Environment &environment, Scratch &scratch) const;
  // Tensors xx yy zz xy xz yz of those added since the last time, out (members, count, 6) where members are `stride`
  // values apart; their number.
  std::size_t finish(Scratch &scratch, double *out, std::size_t stride) const noexcept;

 private:
  struct Implementation;
  template <class T> struct Packed;
  std::unique_ptr<const Implementation> implementation_;
};

// Tensors of some centres of one structure, images built in `images`: out as in EfgPredictor::finish.
void predict_centres(const EfgPredictor &predictor, const ImageList &images, const std::size_t *centres,
                     std::size_t count, EnvironmentBuffer &buffer, EfgPredictor::Scratch &scratch, double *out,
                     std::size_t stride);

}  // namespace ufp

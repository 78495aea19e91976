// The two ways input can be refused; callers turn them into a LAMMPS error or a Python exception.
#pragma once

#include <stdexcept>
#include <string>

namespace ufp
{

// A file that cannot be used. The message is always "FILE:LINE: expected ..., found ...".
class ParseError : public std::runtime_error
{
 public:
  ParseError(const std::string &file, long line, const std::string &message);
};

// Well-formed input outside the domain of a function (two atoms on one point, a cell without volume).
class DomainError : public std::domain_error
{
 public:
  using std::domain_error::domain_error;
};

}  // namespace ufp

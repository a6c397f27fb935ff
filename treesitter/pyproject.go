package treesitter

import (
	"path"

	"github.com/BurntSushi/toml"
)

// pyproject is where the build tools that people use say which directories
// hold packages.
type pyproject struct {
	Tool struct {
		Setuptools struct {
			PackageDir map[string]string `toml:"package-dir"`
			Packages   any               `toml:"packages"` // a list, or {find = {where = [...]}}
		} `toml:"setuptools"`
		Poetry struct {
			Packages []struct {
				From string `toml:"from"`
			} `toml:"packages"`
		} `toml:"poetry"`
		Hatch struct {
			Build struct {
				Targets map[string]struct {
					Packages []string `toml:"packages"`
				} `toml:"targets"`
			} `toml:"build"`
		} `toml:"hatch"`
		PDM struct {
			Build struct {
				PackageDir string `toml:"package-dir"`
			} `toml:"build"`
		} `toml:"pdm"`
		UV struct {
			BuildBackend struct {
				ModuleRoot string `toml:"module-root"`
			} `toml:"build-backend"`
		} `toml:"uv"`
	} `toml:"tool"`
}

// declaredInPyproject returns the directories that a pyproject.toml declares to
// hold packages. One that is no TOML declares none: the build tool will say so.
func declaredInPyproject(src []byte) []string {
	var p pyproject
	if toml.Unmarshal(src, &p) != nil {
		return nil
	}
	var all []string
	for _, dir := range p.Tool.Setuptools.PackageDir {
		all = append(all, dir)
	}
	if packages, ok := p.Tool.Setuptools.Packages.(map[string]any); ok {
		for _, find := range packages { // find, or find-namespace
			if find, ok := find.(map[string]any); ok {
				all = append(all, words(find["where"])...)
			}
		}
	}
	for _, pkg := range p.Tool.Poetry.Packages {
		all = append(all, pkg.From)
	}
	for _, target := range p.Tool.Hatch.Build.Targets {
		for _, pkg := range target.Packages {
			all = append(all, path.Dir(pkg))
		}
	}
	return append(all, p.Tool.PDM.Build.PackageDir, p.Tool.UV.BuildBackend.ModuleRoot)
}

// words returns the strings of a list.
func words(value any) []string {
	list, _ := value.([]any)
	var all []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

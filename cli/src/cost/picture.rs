//! The break-even as a picture: dollars a month over the number of devices, both logarithmic, as SVG.

use std::fmt::Write as _;

use super::designs;
use super::load::Load;
use super::prices::Prices;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 310.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Powers of ten on the axes: 10 to 1,000,000 devices, 0.1 to 100,000 dollars.
const DEVICES: (i32, i32) = (1, 6);
const DOLLARS: (i32, i32) = (-1, 5);
/// Points of a curve between two powers of ten.
const STEPS: i32 = 8;
/// Colours that stay apart for who sees no red and green (Okabe and Ito).
const COLOURS: [&str; 5] = ["#000000", "#0072b2", "#e69f00", "#009e73", "#cc79a7"];
/// Pixels between two labels of curves.
const LABEL_GAP: f64 = 17.0;

fn x(devices: f64) -> f64 {
    let (from, to) = (f64::from(DEVICES.0), f64::from(DEVICES.1));
    LEFT + (devices.log10() - from) / (to - from) * (WIDTH - LEFT - RIGHT)
}

fn y(dollars: f64) -> f64 {
    let (from, to) = (f64::from(DOLLARS.0), f64::from(DOLLARS.1));
    HEIGHT - BOTTOM - (dollars.log10().clamp(from, to) - from) / (to - from) * (HEIGHT - TOP - BOTTOM)
}

fn power_of_ten(n: i32) -> String {
    if n < 0 { format!("{}", 10f64.powi(n)) } else { super::thousands(10f64.powi(n)) }
}

/// The picture for fleets that all send like `load`, whatever its size.
pub(crate) fn svg(load: &Load, prices: &Prices) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="22" font-size="14">Dollars a month over devices: readings of {} bytes, {} a minute, {} in a message (prices of {})</text>
"##,
        load.bytes, load.per_minute, load.batch, prices.as_of
    );
    grid(&mut svg);
    curves(&mut svg, load, prices);
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for n in DEVICES.0..=DEVICES.1 {
        let (x, under) = (x(10f64.powi(n)), bottom + 18.0);
        let _ = writeln!(
            svg,
            r##"<path d="M{x:.1} {TOP}V{bottom}" stroke="#ddd"/><text x="{x:.1}" y="{under}" text-anchor="middle">{}</text>"##,
            power_of_ten(n)
        );
    }
    for n in DOLLARS.0..=DOLLARS.1 {
        let (y, beside) = (y(10f64.powi(n)), LEFT - 6.0);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#ddd"/><text x="{beside}" y="{y:.1}" text-anchor="end" dominant-baseline="middle">{}</text>"##,
            power_of_ten(n)
        );
    }
    let _ = writeln!(svg, r#"<text x="{}" y="{}" text-anchor="middle">devices</text>"#, f64::midpoint(LEFT, right), HEIGHT - 10.0);
}

fn curves(svg: &mut String, load: &Load, prices: &Prices) {
    let sizes: Vec<f64> = (DEVICES.0 * STEPS..=DEVICES.1 * STEPS).map(|n| 10f64.powf(f64::from(n) / f64::from(STEPS))).collect();
    let costs: Vec<_> = sizes.iter().map(|&devices| designs::all(&Load { devices, ..*load }, prices)).collect();
    let Some(last) = costs.last() else { return };
    let mut by_height: Vec<usize> = (0..last.len()).collect();
    by_height.sort_by(|a, b| last[*b].total().total_cmp(&last[*a].total()));
    let mut label_y = f64::NEG_INFINITY;
    for place in by_height {
        let colour = COLOURS[place % COLOURS.len()];
        let points: Vec<String> =
            sizes.iter().zip(&costs).map(|(&devices, of)| format!("{:.1},{:.1}", x(devices), y(of[place].total()))).collect();
        label_y = y(last[place].total()).max(label_y + LABEL_GAP);
        let _ = writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, points.join(" "));
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{label_y:.1}" fill="{colour}" dominant-baseline="middle">{}</text>"#,
            WIDTH - RIGHT + 8.0,
            last[place].design
        );
    }
}

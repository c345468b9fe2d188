// A small board in 3-D. Loaded only where a motion sensor is shown.
import {
  AmbientLight,
  BoxGeometry,
  CircleGeometry,
  Color,
  CylinderGeometry,
  DirectionalLight,
  ExtrudeGeometry,
  Group,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  PerspectiveCamera,
  RingGeometry,
  Scene,
  Shape,
  WebGLRenderer,
  type Material,
  type Object3D,
} from "three";
import { token } from "../lib/theme.svelte";

const lift = 0.35; // radians about x: Pyaiot's pages look at the body from a little above

const shortest = 30; // ms between two pictures: motion sensors are slower than screens

/** A plate with round corners, flat in x and y. */
function plate(w: number, h: number, thick: number, r: number): ExtrudeGeometry {
  const s = new Shape();
  const x = w / 2;
  const y = h / 2;
  s.moveTo(-x + r, -y);
  s.lineTo(x - r, -y);
  s.absarc(x - r, -y + r, r, -Math.PI / 2, 0, false);
  s.lineTo(x, y - r);
  s.absarc(x - r, y - r, r, 0, Math.PI / 2, false);
  s.lineTo(-x + r, y);
  s.absarc(-x + r, y - r, r, Math.PI / 2, Math.PI, false);
  s.lineTo(-x, -y + r);
  s.absarc(-x + r, -y + r, r, Math.PI, 1.5 * Math.PI, false);
  return new ExtrudeGeometry(s, {
    depth: thick,
    bevelEnabled: true,
    bevelSize: 0.02,
    bevelThickness: 0.02,
    bevelSegments: 2,
  });
}

export class Body {
  #renderer: WebGLRenderer;
  #scene = new Scene();
  #camera = new PerspectiveCamera(32, 1, 0.1, 50);
  #board = new Group();
  #paint: [Material & { color: Color }, string][] = [];
  #now: [number, number, number] = [0, 0, 0];
  #to: [number, number, number] = [0, 0, 0];
  #frame = 0;
  #drawnAt = 0;
  readonly #still: boolean;

  /** Throws where the browser has no WebGL. `still`: turns at once, without moving there. */
  constructor(canvas: HTMLCanvasElement, still: boolean) {
    this.#still = still;
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.#renderer.setPixelRatio(Math.min(2, devicePixelRatio || 1));
    this.#camera.position.set(0, -0.12, 5.9);
    const sun = new DirectionalLight(0xffffff, 2.4);
    sun.position.set(-3, 5, 4);
    this.#scene.add(new AmbientLight(0xffffff, 1.5), sun);
    const eye = new Group();
    eye.rotation.x = lift;
    eye.add(this.#ground(), this.#board);
    this.#scene.add(eye);
    this.#build();
    this.repaint();
  }

  #stuff(name: string, rough = 0.6, metal = 0): MeshStandardMaterial {
    const m = new MeshStandardMaterial({ roughness: rough, metalness: metal });
    this.#paint.push([m, name]);
    return m;
  }
  #put(
    to: Object3D,
    shape: BoxGeometry | ExtrudeGeometry | CylinderGeometry,
    m: Material,
    at: number[],
  ): Mesh {
    const mesh = new Mesh(shape, m);
    mesh.position.set(at[0]!, at[1]!, at[2]!);
    to.add(mesh);
    return mesh;
  }
  // In the sensor's axes: x right, y ahead, z up.
  #build(): void {
    const b = new Group();
    b.rotation.x = -Math.PI / 2;
    this.#board.add(b);
    const dark = this.#stuff("--body-dark", 0.5);
    const gold = this.#stuff("--body-gold", 0.35, 0.2);
    const steel = this.#stuff("--body-steel", 0.3, 0.4);
    this.#put(b, plate(2.1, 2.9, 0.1, 0.16), this.#stuff("--body-board", 0.55), [0, 0, -0.05]);
    this.#put(b, new BoxGeometry(0.95, 0.95, 0.16), dark, [0, 0.1, 0.16]);
    this.#put(b, new BoxGeometry(0.42, 0.3, 0.12), dark, [-0.5, -0.85, 0.14]);
    this.#put(b, new BoxGeometry(0.24, 0.42, 0.1), dark, [0.55, -0.8, 0.13]);
    this.#put(b, new BoxGeometry(0.66, 0.52, 0.26), steel, [0, -1.32, 0.2]);
    for (let i = 0; i < 9; i++)
      for (const x of [-0.9, 0.9])
        this.#put(b, new CylinderGeometry(0.06, 0.06, 0.2, 12), gold, [
          x,
          -1.05 + i * 0.27,
          0.06,
        ]).rotation.x = Math.PI / 2;
    // The nose: which way is ahead.
    const nose = new Mesh(new CircleGeometry(0.26, 3, Math.PI / 2), this.#plain("--body-steel"));
    nose.position.set(0, 1.02, 0.075);
    b.add(nose);
  }
  #plain(name: string, opacity = 1): MeshBasicMaterial {
    const m = new MeshBasicMaterial({ transparent: opacity < 1, opacity });
    this.#paint.push([m, name]);
    return m;
  }
  #ground(): Group {
    const g = new Group();
    g.position.y = -1.1;
    g.rotation.x = -Math.PI / 2;
    for (const [r, opacity] of [
      [0.7, 0.9],
      [1.05, 0.6],
      [1.4, 0.35],
    ] as const)
      g.add(new Mesh(new RingGeometry(r, r + 0.018, 72), this.#plain("--line-strong", opacity * 0.6)));
    return g;
  }

  /** Colours are those of the page. */
  repaint(): void {
    for (const [m, name] of this.#paint) m.color.set(token(name));
    this.#draw();
  }
  resize(w: number, h: number): void {
    this.#renderer.setSize(w, h, false);
    this.#camera.aspect = w / h;
    this.#camera.updateProjectionMatrix();
    this.#draw();
  }
  /** About the sensor's x, y and z, in radians. */
  turn(angles: [number, number, number]): void {
    this.#to = [angles[0], angles[1], angles[2]];
    if (this.#still) this.#now = this.#to;
    this.#frame ||= requestAnimationFrame(() => this.#step());
  }
  #step(): void {
    this.#frame = 0;
    const now = performance.now();
    if (now - this.#drawnAt < shortest) {
      this.#frame = requestAnimationFrame(() => this.#step());
      return;
    }
    this.#drawnAt = now;
    let far = 0;
    this.#now = this.#now.map((a, i) => {
      const way = this.#to[i]! - a;
      const d = way - 2 * Math.PI * Math.round(way / (2 * Math.PI));
      far = Math.max(far, Math.abs(d));
      return a + d * 0.4;
    }) as [number, number, number];
    this.#draw();
    if (far > 0.002) this.#frame = requestAnimationFrame(() => this.#step());
  }
  #draw(): void {
    const [x, y, z] = this.#now;
    this.#board.rotation.set(x, z, -y);
    this.#renderer.render(this.#scene, this.#camera);
  }
  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#scene.traverse((o) => o instanceof Mesh && o.geometry.dispose());
    for (const [m] of this.#paint) m.dispose();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
  }
}
